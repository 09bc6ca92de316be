import type { SessionCommand } from '../../../machines/session.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionFact } from '../../core/events.ts';
import type { SessionId } from '../../core/ids.ts';
import { keyedQueue } from '../../core/keyed-queue.ts';
import type { Live } from '../run/live-session.ts';
import type { StoredSession } from '../run/projection.ts';
import type { Cluster, CommandExchange, RemoteCommand } from './cluster.ts';
import type { EngineOptions } from './engine-options.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Ownership } from './ownership.ts';
import type { SandboxUses } from './sandbox-access.ts';
import { alreadySent } from './sent-messages.ts';
import type { Supervision } from './supervision.ts';

interface Deps extends Pick<EngineOptions, 'log' | 'ids' | 'logger' | 'startTimeoutMs'> {
  readonly liveSessions: LiveSessions;
  readonly ownership: Ownership;
  readonly cluster?: Pick<Cluster, 'commands'> | undefined;
  readonly supervision: () => Supervision;
  readonly uses: SandboxUses;
  /** Called when the session in memory is behind its log. */
  readonly onStale: (id: SessionId) => void;
}
const mostLooks = 5;

/** A fact about a session that comes from outside of its actor. */
export type Note = {
  readonly type: 'egress' | 'sandbox.phase' | 'desktop' | 'sandbox.disk_exceeded';
  readonly data: unknown;
};

/** Routes each command to its session's owner: to this server's supervisor, or to another server. */
export class CommandRouter implements AsyncDisposable {
  readonly #deps: Deps;
  readonly #sends = keyedQueue();
  /** Reaches the owners of other sessions; undefined when no other server can exist. */
  readonly #remoteCommands: CommandExchange | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#remoteCommands = deps.cluster?.commands((...asked) => this.act(...asked));
  }

  start(): void {
    this.#remoteCommands?.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remoteCommands?.[Symbol.asyncDispose]();
  }

  command<Value>(id: SessionId, command: SessionCommand): Promise<Value> {
    if (!this.#remoteCommands) return this.#deps.supervision().command(id, command);
    return this.#remoteCommands.route(id, { name: 'command', body: command }, () => this.#once<Value>(id, command));
  }

  change(id: SessionId, change: Partial<StoredSession>): Promise<StoredSession> {
    return this.#route(id, { name: 'change', body: change }, () => this.#change(id, change));
  }

  /** Asks another server, the session's owner, to count its sandbox as used now, and to start it if it does not run. */
  async askForUse(id: SessionId, signal: AbortSignal): Promise<void> {
    await this.#route(id, { name: 'use', body: null }, async () => {}, signal);
  }

  note(id: SessionId, note: Note): void {
    const { liveSessions, ownership } = this.#deps;
    if (!liveSessions.get(id) && this.#remoteCommands && ownership.epochOf(id) === undefined) {
      void this.#remoteCommands.post(id, { name: 'note', body: note }).catch(() => {});
      return;
    }
    this.#note(id, note);
  }

  async reach(id: SessionId): Promise<Live> {
    await this.#deps.supervision().command(id, { type: 'cmd.touch', commandId: this.#deps.ids.short() });
    return this.#deps.liveSessions.the(id);
  }

  /**
   * Executes a command that another server posted at `since` (epoch ms). Rejects with `fenced` when this server lost the
   * session: the command stays in the store for the next owner.
   */
  async act(id: SessionId, { name, body }: RemoteCommand, since: number): Promise<unknown> {
    const { uses, startTimeoutMs } = this.#deps;
    if (name === 'change') return await this.#change(id, body as Partial<StoredSession>);
    if (name === 'note') return this.#note(id, body as Note);
    if (name === 'use') {
      const used = await uses.useHere(id, AbortSignal.timeout(startTimeoutMs));
      return await used[Symbol.asyncDispose]();
    }
    if (name !== 'command') throw new AppError('unsupported', 'This server is older than the one that asked.');
    return await this.#once(id, body as SessionCommand, since);
  }

  /**
   * Sends of one message run one at a time. A posted message (`since`) is first searched for in the log: until a server
   * notices that it lost its lease, two servers can read the same post.
   */
  #once<Value>(id: SessionId, command: SessionCommand, since?: number): Promise<Value> {
    const supervision = this.#deps.supervision();
    if (command.type === 'cmd.stop') return this.#stop(id, command) as Promise<Value>;
    if (command.type !== 'cmd.send') return supervision.command(id, command);
    return this.#sends(command.messageId, async () => {
      if (since === undefined) return await supervision.command<Value>(id, command);
      for (let looks = 0; looks < mostLooks; looks++) {
        const live = await this.reach(id); // from here on only this server can append, or its append is fenced
        const sent = await alreadySent(this.#deps.log, id, command, since);
        if (sent) return sent as Value;
        // A session that was rehydrated meanwhile may have read facts that this look missed.
        if (this.#deps.liveSessions.get(id) === live && supervision.has(id)) {
          return await supervision.command<Value>(id, command);
        }
      }
      throw new AppError('fenced', 'The session changed hands too often.');
    });
  }

  /**
   * A stop that finds no run appends nothing, so the log's fence cannot reject it. An earlier owner's last message may have
   * arrived after this server read the log, so the head is compared before the stop is answered.
   */
  async #stop(id: SessionId, command: Extract<SessionCommand, { type: 'cmd.stop' }>): Promise<{ stopped: boolean }> {
    for (let looks = 0; looks < mostLooks; looks++) {
      const done = await this.#deps.supervision().command<{ stopped: boolean }>(id, command);
      if (done.stopped || (await this.#isCurrent(id))) return done;
      this.#deps.onStale(id);
    }
    throw new AppError('fenced', 'The session changed hands too often.');
  }

  async #isCurrent(id: SessionId): Promise<boolean> {
    const { log, liveSessions } = this.#deps;
    const { head } = await log.page(id, Number.MAX_SAFE_INTEGER, 1);
    const { writer } = liveSessions.get(id) ?? {};
    await writer?.settled(); // our own writes that are under way do not count as another owner's
    return writer === undefined || writer.head >= head;
  }

  async #change(id: SessionId, { title, ...marks }: Partial<StoredSession>): Promise<StoredSession> {
    const { writer } = this.#deps.liveSessions.get(id) ?? (await this.reach(id));
    if (title !== undefined) await writer.write([{ type: 'title', runId: null, data: { title } }]);
    // The appended fact fences an earlier owner, who could otherwise overwrite the deletion.
    const fence: SessionFact[] =
      marks.deleting && this.#deps.ownership.isShared ? [{ type: 'session.updated', runId: null, data: {} }] : [];
    if (Object.keys(marks).length > 0) await writer.amend(marks, fence);
    else await writer.settled();
    return writer.record;
  }

  #note(id: SessionId, note: Note): void {
    const live = this.#deps.liveSessions.get(id);
    const whole = { ...note, runId: live?.runWriter?.runId ?? null } as SessionFact;
    live?.writer.write([whole]).catch((error: unknown) => {
      this.#deps.logger.warn({ session: id, err: error }, 'an event could not be written');
    });
  }

  #route<Value>(
    id: SessionId,
    command: RemoteCommand,
    here: () => Promise<Value>,
    signal?: AbortSignal,
  ): Promise<Value> {
    return this.#remoteCommands ? this.#remoteCommands.route(id, command, here, signal) : here();
  }
}
