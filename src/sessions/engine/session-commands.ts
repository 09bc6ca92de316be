import type { CommandAnswer, SessionCommand } from '../../../machines/session.ts';
import { AppError } from '../../core/errors/errors.ts';
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
  /**
   * Appends a fact from outside the session's actor. Dropped if the session is not in memory, because such a session has no
   * sandbox.
   */
  tell(id: SessionId, fact: SandboxFact): void;
}

/** Callers waiting for a command's result. Each gets one result; later results are dropped. */
export class PendingCommands {
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown> & { of: SessionId; isOnItsWay?: true }>();

  expect<Value>(of: SessionId, commandId: string): Promise<Value> {
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(commandId, { ...answer, of });
    return answer.promise as Promise<Value>;
  }

  /**
   * Marks commands whose outcome is being written. Their callers get the result of that write, even if the session ends in
   * the meantime.
   */
  onTheirWay(commandIds: readonly string[]): void {
    for (const commandId of commandIds) {
      const waiting = this.#waiting.get(commandId);
      if (waiting) waiting.isOnItsWay = true;
    }
  }

  settle(commandIds: readonly string[], answer: CommandAnswer): void {
    for (const commandId of commandIds) {
      const waiting = this.#waiting.get(commandId);
      this.#waiting.delete(commandId);
      if (answer.ok) waiting?.resolve(answer.value);
      else waiting?.reject(new AppError(answer.code, answer.message));
    }
  }

  /** Rejects waiting commands. With `of`, rejects only those of that session whose outcome is not being written. */
  refuse(error: AppError, of?: SessionId): void {
    for (const [commandId, waiting] of this.#waiting) {
      if (of !== undefined && (waiting.of !== of || waiting.isOnItsWay)) continue;
      this.#waiting.delete(commandId);
      waiting.reject(error);
    }
  }
}
