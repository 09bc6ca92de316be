import type { SessionCommand } from '../../../machines/session.ts';
import type { FactOf } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { StoredSession } from '../run/log/projection.ts';
import type { SandboxFact } from './sandbox/sandbox-facts.ts';

/** Fields of the record to change. `forked` changes none: it appends the fact that another session began with this one. */
export type RecordChange = Partial<StoredSession> & { readonly forked?: FactOf<'session.forked'>['data'] };

/** Commands to sessions of any server. The holder hydrates a session that is not in memory first. */
export interface SessionCommands {
  /**
   * Resolves with the session's answer. Rejects with the reason when the session refuses the command, session_not_found,
   * shutting_down; with several servers also: deadline_exceeded when the holder gives no answer within a minute.
   */
  command<Value>(id: SessionId, command: SessionCommand): Promise<Value>;
  /**
   * Has the holder change the record and append the facts of the change. Resolves with the record after every change
   * requested so far; an empty change only reads it.
   */
  change(id: SessionId, change: RecordChange): Promise<StoredSession>;
  /** Appends a fact from outside of the session's actor; dropped when the session is not in memory and so has no sandbox. */
  tell(id: SessionId, fact: SandboxFact): void;
}
