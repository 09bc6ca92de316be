import { raceAbort } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, sandboxLossCodes, toAppError } from '../../core/errors/errors.ts';
import type { FactOf } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import {
  type GitAuthor,
  hasUnpreparedRepository,
  isFolderUrl,
  type SessionRepository,
} from '../../core/model/repository.ts';
import type { EnvironmentCheckResult } from '../../core/model/repository-environment.ts';
import { truncateStart } from '../../core/text/text.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import type { LiveSessions } from '../engine/live-sessions.ts';
import { type WorkspaceHook, WorkspaceQueue } from '../engine/workspace-hooks.ts';
import type { LiveSession } from '../run/live-session.ts';
import type { StoredSession } from '../run/log/projection.ts';
import type { FoundEnvironment } from './environments.ts';
import { fetchRepository } from './fetch-repository.ts';
import type { RepositoryPreparer, RepositorySetupRequest, RepositorySetupResult } from './preparation.ts';
import type { WorkspacePool } from './ready-workspaces.ts';
import type { RepositoryFolders } from './repository-folders.ts';

const words = 5;
const chars = 40;

/** `corral/<words of the session's task>-<start of the session's id>` */
function toBranchName({
  id,
  title,
  lastTask,
  openRuns,
}: Pick<StoredSession, 'id' | 'title' | 'lastTask' | 'openRuns'>) {
  const text = title || lastTask || openRuns[0]?.task || '';
  const slug = text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .slice(0, words)
    .join('-')
    .slice(0, chars)
    .replace(/-$/, '');
  const short = id.slice(0, 8);
  return slug === '' ? `corral/${short}` : `corral/${slug}-${short}`;
}

interface Deps extends Pick<ServerDependencies, 'closing' | 'warn'> {
  readonly author: GitAuthor;
  readonly preparation: RepositoryPreparer;
  readonly ready?: Pick<WorkspacePool, 'used'>;
  readonly folders: Pick<RepositoryFolders, 'copy'>;
  readonly sessions: Pick<LiveSessions, 'get'>;
}
type Client = Pick<SandboxClient, 'exec' | 'programs' | 'workdir'>;

export class RepositoryFetcher extends ServerComponent<Deps> implements WorkspaceHook {
  readonly #queue = new WorkspaceQueue();
  readonly #toStart = new Set<SessionId>();

  /** Call when a sandbox has started. True if fetches or start scripts are due. */
  began({ id, writer }: LiveSession): boolean {
    const starts = writer.record.repositories?.some(({ environment }) => environment?.starts) ?? false;
    if (starts) this.#toStart.add(id);
    return starts || hasUnpreparedRepository(writer.record);
  }

  /** If a repository is not usable, runs fail, but other uses of the sandbox do not. */
  async beforeUse(live: LiveSession, client: Client, signal: AbortSignal): Promise<void> {
    const pending = this.#queue.pending(live.id);
    if (pending || this.#toStart.has(live.id) || hasUnpreparedRepository(live.writer.record))
      await raceAbort(pending ?? this.#start(live, client), signal);
  }

  /** Retries a fetch or setup. Rejects: conflict (a usable repository), not_found, sandbox_lost (the session moved). */
  async again(id: SessionId, path: string, client: Client, signal: AbortSignal): Promise<SessionRepository> {
    const live = this.deps.sessions.get(id);
    if (!live) throw new AppError('sandbox_lost', 'The session moved to another server. Try again.');
    const found = live.writer.record.repositories?.find((one) => one.path === path);
    if (found && isUsableRepository(found)) throw new AppError('conflict', `The repository ${path} already exists.`);
    if (found)
      await raceAbort(
        this.#queue.inTurn(id, async () => {
          const environment = found.state === 'ready' ? undefined : await this.#fetch(live, client, found);
          // The agent has used this sandbox, so other sessions must not get its files.
          await this.#prepare(live, client, path, { mayKeep: false, found: environment, again: true });
          const now = find(live, path);
          if (now?.environment?.starts) await this.deps.preparation.start(client, now, this.deps.closing);
        }),
        signal,
      );
    const now = live.writer.record.repositories?.find((one) => one.path === path);
    if (!now) throw new AppError('not_found', `The session has no repository ${path}.`);
    return now;
  }

  #start(live: LiveSession, client: Client): Promise<void> {
    const { id, writer } = live;
    const work = async () => {
      const stored: string[] = [];
      for (const { path } of writer.record.repositories ?? []) {
        const waiting = find(live, path);
        const found = waiting?.state === 'waiting' ? await this.#fetch(live, client, waiting) : undefined;
        const { storedAs } = (await this.#prepare(live, client, path, { mayKeep: true, found })) ?? {};
        if (storedAs !== undefined) stored.push(storedAs);
      }
      this.deps.ready?.used(writer.record, stored);
      this.#toStart.delete(id);
      for (const one of writer.record.repositories ?? [])
        if (one.state === 'ready' && one.environment?.starts)
          await this.deps.preparation.start(client, one, this.deps.closing);
    };
    return this.#queue.begin(id, work, (err) => {
      if (!sandboxLossCodes.has(toAppError(err).code))
        this.deps.warn({ session: id, err }, 'a repository was not fetched');
    });
  }

  async #fetch(
    { id, writer }: LiveSession,
    client: Client,
    repository: SessionRepository,
  ): Promise<FoundEnvironment | undefined> {
    const { url, path } = repository;
    const { record } = writer;
    const tell = (kind: 'fetching' | 'ready' | 'failed', detail: string, more: object = {}) =>
      ({ type: 'repository', runId: null, data: { kind, url, path, detail, ...more } }) as const;
    const branch = toBranchName(record);
    await writer.write([
      tell('fetching', `Fetching ${url}${repository.ref ? ` at ${repository.ref}` : ''} into ${path}.`),
    ]);
    try {
      const { folders, closing } = this.deps;
      const copyTo = isFolderUrl(url)
        ? (to: string, of: string) => folders.copy(client, { url: of, to }, closing)
        : undefined;
      const requested = { session: id, repository, branch, author: record.author ?? this.deps.author, copyTo };
      const { notes, ...fetched } = await fetchRepository(client, requested, this.deps.closing);
      const at = fetched.baseCommit ? `, at ${fetched.baseCommit.slice(0, 12)}` : ', which has no commit yet';
      const commit = fetched.baseCommit === null ? {} : { commit: fetched.baseCommit };
      const found = await this.deps.preparation.read(client, path, this.deps.closing);
      const environment = found?.environment;
      const services = Object.keys(environment?.services ?? {}).join(', ');
      const asks = services === '' ? [] : [`It defines the services ${services}, which a person must allow.`];
      const detail = [`${url} is in ${path}, on the branch ${branch}${at}.`, ...notes, ...asks].join(' ');
      await this.#keep(
        writer,
        path,
        { ...fetched, state: 'ready', error: null, ...(environment && { environment }) },
        tell('ready', detail, { branch, ...commit }),
      );
      return found;
    } catch (thrown) {
      const failure = toAppError(thrown);
      if (sandboxLossCodes.has(failure.code)) throw failure;
      const error = failure.publicMessage;
      await this.#keep(writer, path, { state: 'failed', error }, tell('failed', error));
      return undefined;
    }
  }

  async #prepare(
    live: LiveSession,
    client: Client,
    path: string,
    { again, ...how }: Pick<RepositorySetupRequest, 'mayKeep' | 'found'> & { readonly again?: true },
  ): Promise<RepositorySetupResult | undefined> {
    const { writer } = live;
    const repository = find(live, path);
    const { environment } = repository ?? {};
    const isDue = environment?.setup === 'running' || (again && environment?.setup === 'failed');
    if (repository?.state !== 'ready' || !environment || !isDue) return undefined;
    const tell = (kind: 'preparing' | 'prepared' | 'unprepared', detail: string) =>
      ({ type: 'repository', runId: null, data: { kind, url: repository.url, path, detail } }) as const;
    await writer.write([tell('preparing', `Preparing ${path} with .corral/setup.sh.`)]);
    const end = await this.deps.preparation.prepare(
      client,
      { record: writer.record, repository, ...how },
      this.deps.closing,
    );
    const { setup, detail, storedBytes } = end;
    const fact = tell(setup === 'failed' ? 'unprepared' : 'prepared', detail);
    await this.#keep(
      writer,
      path,
      { environment: { ...environment, setup, ...(storedBytes !== undefined && { storedBytes }) } },
      fact,
    );
    return end;
  }

  /** Does nothing if the session has moved to another server. */
  async noteChecks(id: SessionId, path: string, results: ReadonlyMap<string, EnvironmentCheckResult>): Promise<void> {
    const live = this.deps.sessions.get(id);
    const repository = live && find(live, path);
    if (!live || !repository?.environment) return;
    const { environment, url } = repository;
    const checks = environment.checks.map((one) => {
      const result = results.get(one.name);
      if (!result) return one;
      const { output: _, ...last } = result; // without output, because the record is part of every session list
      return { ...one, last };
    });
    const failed = [...results].filter(([, { status }]) => status !== 'passed').map(([name]) => name);
    const detail =
      failed.length === 0
        ? `Checks of ${path} passed: ${[...results.keys()].join(', ')}.`
        : `Checks of ${path} failed: ${failed.join(', ')}. ${lastLines(results.get(failed[0] ?? ''))}`.trim();
    const kind = failed.length === 0 ? 'checked' : 'unchecked';
    const data = { kind, url, path, detail } as const;
    await this.#keep(
      live.writer,
      path,
      { environment: { ...environment, checks } },
      {
        type: 'repository',
        runId: null,
        data,
      },
    );
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

const lastLines = (result: EnvironmentCheckResult | undefined) =>
  truncateStart((result?.output ?? '').split('\n').slice(-5).join('\n'), 500);

export const isUsableRepository = ({ state, environment }: SessionRepository): boolean =>
  state === 'ready' && environment?.setup !== 'failed';

const find = ({ writer }: LiveSession, path: string) => writer.record.repositories?.find((one) => one.path === path);
