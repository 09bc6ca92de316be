import { raceAbort } from '../../core/concurrency/cancel.ts';
import { keyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { AppError, toAppError } from '../../core/errors/errors.ts';
import type { FactOf } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { GitPerson, SessionRepository } from '../../core/model/repository.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import type { LiveSession } from '../run/live-session.ts';
import { branchOf } from './branch-name.ts';
import { fetchRepository } from './fetch-repository.ts';

interface Deps {
  /** In whose name commits are made where a session names nobody. */
  readonly author: GitPerson;
  readonly closing: AbortSignal;
  readonly warn: (about: object, text: string) => void;
}
type Client = Pick<SandboxClient, 'exec' | 'workdir'>;

/** The sandbox went away, so the next use of one tries again. */
const passing: ReadonlySet<string> = new Set([
  ...['sandbox_lost', 'cancelled', 'sandbox_not_found', 'sandbox_unresponsive', 'shutting_down', 'fenced'],
]);

/** Fetches the repositories of sessions into their sandboxes. Each use of a sandbox waits until they are there, or failed. */
export class RepositoryFetches {
  readonly #deps: Deps;
  readonly #inTurn = keyedQueue();
  readonly #pending = new Map<SessionId, Promise<void>>();
  #sessions: Pick<LiveSessions, 'get'> = { get: () => undefined };
  #use: (id: SessionId) => Promise<AsyncDisposable> = () => Promise.reject(new Error('no engine yet'));

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** The engine makes the sessions in memory, and is made with these fetches. */
  meet(sessions: Pick<LiveSessions, 'get'>, use: (id: SessionId) => Promise<AsyncDisposable>): void {
    this.#sessions = sessions;
    this.#use = use;
  }

  /** A sandbox has started: its repositories come without waiting for the first use. Never rejects. */
  began({ id, writer }: LiveSession): void {
    if (!waiting(writer.record)) return;
    // The use keeps the sandbox until it is complete, and is what begins the fetch.
    void this.#use(id)
      .then((used) => used[Symbol.asyncDispose]())
      .catch(() => {}); // the next use tries again
  }

  /** Runs before each use of a sandbox. A repository that could not be fetched hinders nobody; the log says why. */
  async beforeUse(id: SessionId, client: Client, signal: AbortSignal): Promise<void> {
    const live = this.#sessions.get(id);
    if (!live || !(this.#pending.has(id) || waiting(live.writer.record))) return;
    const pending = this.#pending.get(id) ?? this.#start(live, client);
    await raceAbort(pending, signal);
  }

  /** Fetches one again that failed. Rejects: conflict, and with the reason of the failure. */
  async again(id: SessionId, path: string, client: Client, signal: AbortSignal): Promise<SessionRepository> {
    const live = this.#sessions.get(id);
    if (!live) throw new AppError('sandbox_lost', 'The session moved to another server. Try again.');
    const found = live.writer.record.repositories?.find((one) => one.path === path);
    if (found?.state === 'ready') throw new AppError('conflict', `The repository ${path} is there already.`);
    if (found)
      await raceAbort(
        this.#inTurn(id, () => this.#fetch(live, client, found)),
        signal,
      );
    const now = live.writer.record.repositories?.find((one) => one.path === path);
    if (!now) throw new AppError('not_found', `The session has no repository ${path}.`);
    return now;
  }

  async #start(live: LiveSession, client: Client): Promise<void> {
    const { id, writer } = live;
    const work = async () => {
      for (const one of writer.record.repositories ?? []) {
        if (one.state === 'waiting') await this.#fetch(live, client, one);
      }
    };
    const done = this.#inTurn(id, work).catch((err: unknown) => {
      if (!passing.has(toAppError(err).code)) this.#deps.warn({ session: id, err }, 'a repository was not fetched');
    });
    this.#pending.set(id, done);
    await done;
    if (this.#pending.get(id) === done) this.#pending.delete(id);
  }

  async #fetch({ id, writer }: LiveSession, client: Client, repository: SessionRepository): Promise<void> {
    const { url, path } = repository;
    const { record } = writer;
    const tell = (kind: 'fetching' | 'ready' | 'failed', detail: string, more: object = {}) =>
      ({ type: 'repository', runId: null, data: { kind, url, path, detail, ...more } }) as const;
    const branch = branchOf(record);
    await writer.write([
      tell('fetching', `Fetching ${url}${repository.ref ? ` at ${repository.ref}` : ''} into ${path}.`),
    ]);
    try {
      const wish = { session: id, repository, branch, author: record.author ?? this.#deps.author };
      const { notes, ...fetched } = await fetchRepository(client, wish, this.#deps.closing);
      const at = fetched.baseCommit ? `, at ${fetched.baseCommit.slice(0, 12)}` : ', which has no commit yet';
      const detail = [`${url} is in ${path}, on the branch ${branch}${at}.`, ...notes].join(' ');
      const commit = fetched.baseCommit === null ? {} : { commit: fetched.baseCommit };
      await this.#keep(
        writer,
        path,
        { ...fetched, state: 'ready', error: null },
        tell('ready', detail, { branch, ...commit }),
      );
    } catch (thrown) {
      const failure = toAppError(thrown);
      if (passing.has(failure.code)) throw failure;
      const error = failure.publicMessage;
      await this.#keep(writer, path, { state: 'failed', error }, tell('failed', error));
    }
  }

  async #keep(
    writer: LiveSession['writer'],
    path: string,
    change: Partial<SessionRepository>,
    fact: FactOf<'repository'>,
  ): Promise<void> {
    const repositories = (writer.record.repositories ?? []).map((one) =>
      one.path === path ? { ...one, ...change } : one,
    );
    await writer.amend({ repositories }, [fact]);
  }
}

const waiting = ({ repositories }: LiveSession['writer']['record']) =>
  repositories?.some(({ state }) => state === 'waiting') ?? false;
