import type { AppError, ErrorCode } from '../../../src/core/errors/errors.ts';
import { type MessageId, type RunId, type SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import type { SendMode } from '../../../src/sessions/api/sessions.ts';
import { StoredSession } from '../../../src/sessions/run/log/projection.ts';
import { Follower } from './follower.ts';
import type { Server } from './server.ts';
import type { World } from './world.ts';

export interface SentMessage {
  readonly id: SessionId;
  readonly text: string;
  /** The server's answer; undefined if the server died before it answered. */
  answer: { messageId: MessageId; runId: RunId; seq: number } | { code: ErrorCode } | undefined;
}
interface OpenRequest {
  readonly what: string;
  readonly server: Server;
  isAnswered: boolean;
}

/** A user of the server who remembers each promise, and reports each answer that is wrong. */
export class Client {
  readonly lines: SentMessage[] = [];
  readonly titles = new Map<SessionId, string>();
  readonly deleted = new Set<SessionId>();
  /** Decisions that the server accepted. */
  readonly decided: { id: SessionId; callId: string; decision: string; by: string }[] = [];
  /** Sessions whose deletion was requested, answered or not. */
  readonly condemned = new Set<SessionId>();
  readonly followers: Follower[] = [];
  readonly sessions: SessionId[] = [];
  succeeded = 0;
  failed = 0;
  readonly #world: World;
  readonly #server: () => Server;
  #requests: OpenRequest[] = [];
  #tags = 0;

  constructor(world: World, server: () => Server) {
    this.#world = world;
    this.#server = server;
  }

  /** Requests that a living server still has to answer. */
  get unanswered(): string[] {
    return this.#requests
      .filter(({ isAnswered, server }) => !isAnswered && server.life.isAlive)
      .map(({ what }) => what);
  }

  create(): void {
    void this.#ask('create', (server) => server.sessions.create({ origin: 'sheikhbox' })).then((made) => {
      if (made?.ok) this.sessions.push(made.value.id);
    });
  }

  send(id: SessionId, mode: SendMode, kind: string): void {
    const text = `#${++this.#tags}# ${kind}`;
    const reply: SentMessage = { id, text, answer: undefined };
    this.lines.push(reply);
    void this.#note(`F111 ${mode}`, id);
    void this.#ask(`send ${mode} ${text} to ${id}`, (server) => server.sessions.send(id, { text, mode })).then(
      (sent) => {
        reply.answer = sent?.ok ? sent.value : sent && { code: sent.error.code };
      },
    );
  }

  async stop(id: SessionId): Promise<void> {
    const { time } = this.#world;
    const before = await this.#openRuns(id);
    void this.#note('F109 stop', id);
    const since = time.now();
    const stopped = await this.#ask(`stop ${id}`, (server) => server.sessions.stop(id));
    if (!stopped?.ok) return;
    const left = (await this.#openRuns(id)).filter((runId) => before.includes(runId));
    if (left.length > 0) this.#world.problem(`F109: stop was answered while ${left} of ${id} had not ended`);
    const { isUntroubled } = this.#world;
    const stillThere = this.#world
      .sandbox(sandboxIdOf(id))
      .tags()
      .filter((tag) => before.includes(tag as RunId));
    if (stillThere.length > 0 && isUntroubled)
      this.#world.problem(`F108: ${stillThere} of ${id} still runs after its stop`);
    const took = time.now() - since;
    if (took > 5_000 && isUntroubled) this.#world.problem(`F109: stop took ${took} ms`);
  }

  async delete(id: SessionId): Promise<void> {
    const again = this.deleted.has(id);
    this.condemned.add(id);
    void this.#note('F110 delete', id);
    const gone = await this.#ask(`delete ${id}`, (server) => server.sessions.delete(id));
    if (gone?.ok && again) this.#world.problem(`F110: the second delete of ${id} succeeded`);
    if (!gone?.ok) return;
    this.deleted.add(id);
    const list = await this.#ask('list', (server) => server.sessions.list());
    if (list?.ok && list.value.some((session) => session.id === id)) this.#world.problem(`F110: ${id} is in a list`);
  }

  /**
   * One or two users decide at the same moment on the newest call that needs permission. At most one decision takes
   * effect.
   */
  async decide(id: SessionId): Promise<void> {
    const { dice, store } = this.#world;
    const { events } = await store.store.events.page(id, 0, Number.MAX_SAFE_INTEGER);
    const approval = events.findLast((event) => event.type === 'approval.requested');
    if (!approval) return;
    const { callId } = approval.data;
    const choices = dice.pick([['approved'], ['rejected'], ['approved', 'rejected']] as const);
    const answers = await Promise.all(
      choices.map((decision) => {
        const choice = { callId, decision, by: `someone ${++this.#tags}` };
        return this.#ask(`decide ${id}`, (server) => server.sessions.decide(id, choice)).then((answer) => ({
          choice,
          answer,
        }));
      }),
    );
    const granted = answers.filter(({ answer }) => answer?.ok);
    if (granted.length > 1) this.#world.problem(`F113: two decisions on ${callId} of ${id} were accepted`);
    for (const { choice } of granted) this.decided.push({ id, ...choice });
    if (answers.some(({ answer }) => answer && !answer.ok && answer.error.code === 'conflict')) {
      this.#world.count('F113 a decision comes second, or too late');
    }
  }

  async rename(id: SessionId): Promise<boolean> {
    const title = `title ${++this.#tags}`;
    const renamed = await this.#ask(`rename ${id}`, (server) => server.sessions.rename(id, title));
    if (renamed?.ok) this.titles.set(id, title);
    return renamed?.ok === true;
  }

  exec(id: SessionId, cancelAfterMs: number | undefined): void {
    const cancel = new AbortController();
    if (cancelAfterMs !== undefined) this.#world.time.setTimeout(() => cancel.abort(), cancelAfterMs);
    const ms = this.#world.dice.between(0, 2_000);
    void this.#ask(`exec in ${id}`, (server) => server.sandboxes.exec(id, { command: `run ${ms}` }, cancel.signal));
  }

  watch(id: SessionId): void {
    const { dice, time } = this.#world;
    const server = this.#server();
    if (!server.life.isAlive) return;
    const watch = server.sessions.watching(id);
    time.setTimeout(() => watch[Symbol.dispose](), dice.between(0, 20_000));
  }

  async follow(id: SessionId): Promise<void> {
    const { dice, store } = this.#world;
    const { head } = await store.store.events.page(id, 0, 1);
    const after = dice.chance(0.1) ? head + 3 : dice.between(0, head);
    this.followers.push(new Follower(this.#world, this.#server, { id, after, isAhead: after > head }));
  }

  /** Counts in which situations of the session this request is made. */
  async #note(what: string, id: SessionId): Promise<void> {
    const { store, backend, model } = this.#world;
    const server = this.#server();
    const found = await store.store.records.get('session', id);
    const status = found ? StoredSession.parse(found.doc).status : 'gone';
    const others = this.#requests.filter((it) => !it.isAnswered && it.server === server && it.what.endsWith(` ${id}`));
    const count = (where: string) => this.#world.count(`${what} ${where}`);
    const phase = backend.boxes.get(sandboxIdOf(id))?.info.phase;
    count(`when ${status}`);
    if (server.engine.supervisor.hasSandbox(id) && phase !== 'ready' && phase !== 'paused')
      count('during provisioning');
    if (this.lines.some((words) => words.id === id && model.thinking.has(words.text))) count('while the model talks');
    if (this.#world.sandbox(sandboxIdOf(id)).isBusy) count('during a tool call');
    if (others.some((it) => it.what.startsWith('stop '))) count('while stopping');
    if (others.some((it) => it.what.startsWith('delete '))) count('while being deleted');
    if (phase === 'exited') count('after its sandbox died');
  }

  async #openRuns(id: SessionId): Promise<RunId[]> {
    const found = await this.#world.store.store.records.get('session', id);
    return found ? StoredSession.parse(found.doc).openRuns.map(({ runId }) => runId) : [];
  }

  /** Never settles if the server dies before it answers. */
  async #ask<Value>(
    what: string,
    act: (server: Server) => Promise<Value>,
  ): Promise<{ ok: true; value: Value } | { ok: false; error: AppError } | undefined> {
    const server = this.#server();
    const requested: OpenRequest = { what, server, isAnswered: false };
    this.#requests.push(requested);
    this.#world.tell(`> ${what}`);
    const answer = await act(server).then(
      (value) => ({ ok: true, value }) as const,
      (error: AppError) => ({ ok: false, error }) as const,
    );
    if (!server.life.isAlive) return await new Promise(() => {});
    requested.isAnswered = true;
    if (answer.ok) this.succeeded += 1;
    else this.failed += 1;
    this.#world.tell(`< ${what}: ${answer.ok ? 'ok' : `${answer.error}`}`);
    if (!answer.ok && answer.error.name !== 'AppError') this.#world.problem(`${what} threw ${answer.error.stack}`);
    return answer;
  }
}
