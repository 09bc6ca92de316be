import type { RecordStore } from '../../core/contracts/ports.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { isUnfinished, type StoredSession, unfinishedRecordKind } from '../run/log/projection.ts';
import type { LiveSessions } from './live-sessions.ts';
import type { EngineLogger } from './logger.ts';
import { type Ownership, ownershipLostError } from './ownership.ts';
import type { RunRecorder } from './run-recorder.ts';
import type { PendingCommands } from './session-commands.ts';
import type { SessionEndListener, Supervisor } from './supervisor.ts';

interface Deps {
  readonly records: Pick<RecordStore, 'delete'>;
  readonly logger: Pick<EngineLogger, 'info'>;
  readonly liveSessions: LiveSessions;
  readonly ownership: Ownership;
  readonly pendingCommands: PendingCommands;
  readonly supervisor: Supervisor;
  readonly runs: Pick<RunRecorder, 'giveUp'>;
}

export class SessionEvictor extends ServerComponent<Deps> implements SessionEndListener {
  constructor(deps: Deps) {
    super(deps);
    deps.ownership.onLost((id) => this.standDown(id));
    deps.liveSessions.onBroken((id, error) => {
      if (error.code === 'fenced' && deps.ownership.isShared) this.fenced(id);
      else deps.supervisor.broken(id, error);
    });
  }

  ended(id: SessionId): void {
    const { liveSessions } = this.deps;
    const record = liveSessions.get(id)?.writer.record;
    liveSessions.remove(id);
    liveSessions.goes(id, this.#leave(id, record));
  }

  /** Drops a session that cannot be read from the store. */
  unavailable(id: SessionId): void {
    const { liveSessions, ownership } = this.deps;
    liveSessions.remove(id);
    liveSessions.withdraw(id);
    void ownership.release(id);
  }

  abandon(id: SessionId): void {
    const { runs, ownership } = this.deps;
    void runs.giveUp(id).finally(() => ownership.release(id));
  }

  standDown(id: SessionId): void {
    const { liveSessions, pendingCommands, supervisor, logger } = this.deps;
    const error = ownershipLostError();
    const live = liveSessions.get(id);
    live?.runWriter?.shut();
    live?.writer.fence(error);
    if (live) liveSessions.goes(id, live.writer.settled()); // a write in progress may still succeed
    liveSessions.remove(id);
    liveSessions.takeSandbox(id);
    supervisor.leave(id);
    pendingCommands.refuse(error, id);
    logger.info({ session: id }, 'session released to another server');
  }

  fenced(id: SessionId): void {
    const { ownership, supervisor } = this.deps;
    this.standDown(id);
    // wakes the session; this server regains ownership only if no other server has it
    void ownership.release(id).then(() => supervisor.wake(id, 'absent'));
  }

  async #leave(id: SessionId, record: StoredSession | undefined): Promise<void> {
    const { records, ownership } = this.deps;
    // on failure, the leftover `unfinished` mark is harmless
    if (record && !isUnfinished(record)) await records.delete(unfinishedRecordKind, id).catch(() => {});
    await ownership.release(id);
  }
}
