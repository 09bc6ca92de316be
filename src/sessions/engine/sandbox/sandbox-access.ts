import { createTimeoutSignal } from '../../../core/concurrency/cancel.ts';
import { poll } from '../../../core/concurrency/rounds.ts';
import type { Store } from '../../../core/contracts/ports.ts';
import { ServerComponent, type ServerDependencies } from '../../../core/contracts/server-parts.ts';
import { AppError, toAppError } from '../../../core/errors/errors.ts';
import type { IdSource, SessionId } from '../../../core/model/ids.ts';
import type { SandboxClient } from '../../../sandboxes/client/client.ts';
import type { SandboxLease } from '../../run/run-context.ts';
import type { LiveSessions } from '../live-sessions.ts';
import type { Ownership, RemoteSandboxAccess } from '../ownership.ts';
import type { PendingCommands } from '../session-commands.ts';
import type { Supervisor } from '../supervisor.ts';
import type { WorkspaceHook } from '../workspace-hooks.ts';

interface LocalSandboxDeps extends Pick<ServerDependencies, 'clock'> {
  readonly supervisor: Supervisor;
  readonly liveSessions: LiveSessions;
  readonly pendingCommands: PendingCommands;
  readonly ids: Pick<IdSource, 'short'>;
  readonly hooks: readonly WorkspaceHook[];
}

/** Longer than three missed heartbeats, after which a dead sandbox is replaced. */
const recheck = { times: 40, everyMs: 250, answerMs: 1_000 };

export class LocalSandboxes extends ServerComponent<LocalSandboxDeps> {
  /** Clients that lost their connection, perhaps because the sandbox is gone. */
  readonly #lost = new WeakSet<SandboxClient>();

  /** Starts the sandbox if needed. Rejects: fenced (another server owns the session). */
  async use(id: SessionId, signal: AbortSignal): Promise<SandboxLease> {
    let left = recheck.times;
    const acquire = async () => {
      const lease = await this.#acquire(id, signal);
      if (left-- === 0 || !this.#lost.has(lease.client) || (await this.#answers(lease.client, signal))) return lease;
      await lease[Symbol.asyncDispose]();
      return undefined;
    };
    return await poll(acquire, { everyMs: recheck.everyMs, clock: this.deps.clock }, signal);
  }

  async #answers(client: SandboxClient, signal: AbortSignal): Promise<boolean> {
    using soon = createTimeoutSignal(recheck.answerMs, this.deps.clock, signal);
    const answers = await client.health(soon.signal).then(
      () => true,
      () => false,
    );
    if (answers) this.#lost.delete(client);
    return answers;
  }

  async #acquire(id: SessionId, signal: AbortSignal): Promise<SandboxLease> {
    const { supervisor, liveSessions, pendingCommands, ids, hooks } = this.deps;
    const commandId = ids.short();
    // the result is not used
    const done = () => supervisor.send(id, { type: 'sandbox.done', commandId });
    const read = () => {
      pendingCommands.settle([commandId], { ok: false, code: 'cancelled', message: 'The operation was cancelled.' });
      done();
    };
    signal.addEventListener('abort', read, { once: true });
    try {
      await supervisor.command(id, { type: 'sandbox.use', commandId });
    } finally {
      signal.removeEventListener('abort', read);
    }
    const live = liveSessions.get(id);
    const client = live?.client;
    if (!client) {
      done();
      throw new AppError('sandbox_lost', 'The sandbox ended unexpectedly.');
    }
    try {
      for (const hook of hooks) await hook.beforeUse?.(live, client, signal);
    } catch (thrown) {
      done();
      throw thrown;
    }
    const markLost = () => void this.#lost.add(client);
    return { client, markLost, [Symbol.asyncDispose]: async () => done() };
  }
}

interface Deps {
  readonly own: LocalSandboxes;
  readonly store: Pick<Store, 'events'>;
  readonly liveSessions: LiveSessions;
  readonly ownership: Ownership;
  readonly remoteSandboxes: RemoteSandboxAccess | undefined;
}

export class SandboxAccess extends ServerComponent<Deps> {
  /** Starts the sandbox if needed, even if another server owns the session. */
  async use(id: SessionId, signal: AbortSignal): Promise<SandboxLease> {
    const { own, ownership, remoteSandboxes } = this.deps;
    if (!remoteSandboxes) return await own.use(id, signal);
    try {
      await ownership.take(id);
      return await own.use(id, signal);
    } catch (thrown) {
      if (toAppError(thrown).code !== 'fenced') throw thrown;
    }
    return await remoteSandboxes.use(id, signal);
  }

  /** Undefined if the sandbox is paused or not running. Does not delay its idle stop. */
  async look(id: SessionId, signal: AbortSignal): Promise<SandboxClient | undefined> {
    const { liveSessions, remoteSandboxes, store } = this.deps;
    const live = liveSessions.get(id);
    if (live || !remoteSandboxes) return live?.isPaused ? undefined : live?.client;
    const newest = await store.events.findLastSeq(id, 'sandbox.phase');
    const [event] = (await store.events.page(id, newest - 1, 1)).events;
    if (event?.type !== 'sandbox.phase' || !['ready', 'resumed'].includes(event.data.phase)) return undefined;
    return (await remoteSandboxes.look(id, signal).catch(() => undefined))?.client;
  }
}
