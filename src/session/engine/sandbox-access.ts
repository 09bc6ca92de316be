import { AppError, toAppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';
import type { SandboxClient } from '../../sandbox/client.ts';
import type { UsedSandbox } from '../run/used-sandbox.ts';
import type { SandboxExchange } from './cluster.ts';
import type { EngineOptions } from './engine-options.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { Ownership } from './ownership.ts';
import type { PendingCommands } from './pending-commands.ts';
import type { Supervision } from './supervision.ts';

interface Deps extends Pick<EngineOptions, 'store' | 'ids' | 'onUse'> {
  readonly liveSessions: LiveSessions;
  readonly pendingCommands: PendingCommands;
  readonly ownership: Ownership;
  /** Undefined when no other server can exist. */
  readonly remoteSandboxes: SandboxExchange | undefined;
  readonly supervision: () => Supervision;
}

/** Gives callers a session's sandbox, even when another server owns the session. */
export class SandboxUses {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Connects directly when another server owns the session. */
  async use(id: SessionId, signal: AbortSignal): Promise<UsedSandbox> {
    const { ownership, remoteSandboxes } = this.#deps;
    if (!remoteSandboxes) return await this.useHere(id, signal);
    try {
      await ownership.take(id);
      return await this.useHere(id, signal);
    } catch (thrown) {
      if (toAppError(thrown).code !== 'fenced') throw thrown;
    }
    return await remoteSandboxes.use(id, signal);
  }

  /** Connects to a running sandbox; undefined when none runs. Does not start it or delay its idle stop. */
  async look(id: SessionId, signal: AbortSignal): Promise<SandboxClient | undefined> {
    const { liveSessions, remoteSandboxes, store } = this.#deps;
    const live = liveSessions.get(id);
    if (live || !remoteSandboxes) return live?.isPaused ? undefined : live?.client;
    const newest = await store.events.lastOf(id, 'sandbox.phase');
    const [event] = (await store.events.page(id, newest - 1, 1)).events;
    if (event?.type !== 'sandbox.phase' || !['ready', 'resumed'].includes(event.data.phase)) return undefined;
    return (await remoteSandboxes.look(id, signal).catch(() => undefined))?.client;
  }

  /** Only for a session that this server owns. Rejects: fenced otherwise. */
  async useHere(id: SessionId, signal: AbortSignal): Promise<UsedSandbox> {
    const { liveSessions, pendingCommands, ids, onUse } = this.#deps;
    const supervision = this.#deps.supervision();
    const commandId = ids.short();
    const done = () => supervision.tell(id, { type: 'sandbox.done', commandId }); // this command gets no answer
    const given = () => {
      pendingCommands.settle([commandId], { ok: false, code: 'cancelled', message: 'The operation was cancelled.' });
      done();
    };
    signal.addEventListener('abort', given, { once: true });
    try {
      await supervision.command(id, { type: 'sandbox.use', commandId });
    } finally {
      signal.removeEventListener('abort', given);
    }
    const live = liveSessions.get(id);
    const client = live?.client;
    if (!client) {
      done();
      throw new AppError('sandbox_lost', 'The sandbox ended unexpectedly.');
    }
    await onUse?.(live.writer.record, client, signal).catch((thrown: unknown) => {
      done();
      throw thrown;
    });
    return { client, [Symbol.asyncDispose]: async () => done() };
  }
}
