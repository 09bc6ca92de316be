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

/** How sessions leave memory: at their end, because they cannot be read, or because another server has them now. */
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

  /** Another server owns the session now: it leaves memory here, and its work stays as it stands. */
  standDown(id: SessionId): void {
    const { liveSessions, pendingCommands, supervision, logger } = this.#deps;
    const error = lost();
    const live = liveSessions.get(id);
    live?.runWriter?.shut();
    live?.writer.fence(error);
    if (live) liveSessions.goes(id, live.writer.settled()); // what is on its way may still arrive
    liveSessions.remove(id);
    liveSessions.takeSandbox(id);
    supervision().leave(id);
    pendingCommands.refuse(error, id);
    logger.info({ session: id }, 'session left to another server');
  }

  /** The log was not where we left it. */
  fenced(id: SessionId): void {
    const { ownership, supervision } = this.#deps;
    this.standDown(id);
    void ownership.release(id).then(() => supervision().wake(id)); // ours again only if nobody else has it
  }

  /** The session has no unfinished work, so its ownership is released. */
  async #leave(id: SessionId, record: StoredSession | undefined): Promise<void> {
    const { store, ownership } = this.#deps;
    if (record && !isUnfinished(record)) await store.records.delete(unfinishedKind, id).catch(() => {}); // one too many does no harm
    await ownership.release(id);
  }
}
