import type { SessionCommand } from '../../../machines/session.ts';
import type { FactOf } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { StoredSession } from '../run/log/projection.ts';
import type { SandboxFact } from './sandbox/sandbox-facts.ts';

/** `forked` changes no field: it appends the fact that another session was forked from this one. */
export type SessionRecordChange = Partial<StoredSession> & { readonly forked?: FactOf<'session.forked'>['data'] };

/** Commands to sessions that this or another server holds. If needed, the holder hydrates the session first. */
export interface SessionCommands {
  /**
   * Resolves with the session's result. Rejects with the session's reason for a refusal, session_not_found, or shutting_down;
   * with several servers, also with deadline_exceeded if the holder does not answer within a minute.
   */
  command<Value>(id: SessionId, command: SessionCommand): Promise<Value>;
  /**
   * Has the holder change the record and append the corresponding facts. Resolves with the record after all changes requested so
   * far; an empty change only reads it.
   */
  change(id: SessionId, change: SessionRecordChange): Promise<StoredSession>;
  /** Appends a fact from outside the session's actor. Dropped if the session is not in memory, because it then has no sandbox. */
  tell(id: SessionId, fact: SandboxFact): void;
}
