import type { SessionId } from '../../core/ids.ts';
import { isUnfinished, type StoredSession, unfinishedKind } from '../run/projection.ts';
import type { EngineOptions } from './engine-options.ts';
import type { LiveSessions } from './live-sessions.ts';
import { lost, type Ownership } from './ownership.ts';
import type { PendingCommands } from './pending-commands.ts';
import type { Supervision } from './supervision.ts';

interface Deps extends Pick<EngineOptions, 'store' | 'logger'> {
  readonly liveSessions: LiveSessions;
  readonly ownership: Ownership;
  readonly pendingCommands: PendingCommands;
  readonly supervision: () => Supervision;
}

/** Removes sessions from memory: when they end, cannot be read, or belong to another server. */
export class Eviction {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  ended(id: SessionId): void {
    const { liveSessions } = this.#deps;
    const record = liveSessions.get(id)?.writer.record;
    liveSessions.remove(id);
    liveSessions.goes(id, this.#leave(id, record));
  }

  /** The session could not be read: its state from before the crash must not be shown. */
  unavailable(id: SessionId): void {
    const { liveSessions, ownership } = this.#deps;
    liveSessions.remove(id);
    liveSessions.withdraw(id);
    void ownership.release(id);
  }

  /** Another server owns the session now: removes it from memory here and leaves its work unfinished. */
  standDown(id: SessionId): void {
    const { liveSessions, pendingCommands, supervision, logger } = this.#deps;
    const error = lost();
    const live = liveSessions.get(id);
    live?.runWriter?.shut();
    live?.writer.fence(error);
    if (live) liveSessions.goes(id, live.writer.settled()); // a write that is under way may still succeed
    liveSessions.remove(id);
    liveSessions.takeSandbox(id);
    supervision().leave(id);
    pendingCommands.refuse(error, id);
    logger.info({ session: id }, 'session released to another server');
  }

  /** Another writer appended to the log. */
  fenced(id: SessionId): void {
    const { ownership, supervision } = this.#deps;
    this.standDown(id);
    void ownership.release(id).then(() => supervision().wake(id)); // we own it again only if no other server does
  }

  /** The session has no unfinished work, so its ownership is released. */
  async #leave(id: SessionId, record: StoredSession | undefined): Promise<void> {
    const { store, ownership } = this.#deps;
    // a superfluous mark does no harm
    if (record && !isUnfinished(record)) await store.records.delete(unfinishedKind, id).catch(() => {});
    await ownership.release(id);
  }
}
