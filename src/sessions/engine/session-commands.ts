import type { CommandAnswer, SessionCommand } from '../../../machines/session.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { FactOf } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { StoredSession } from '../run/log/projection.ts';
import type { SandboxFact } from './sandbox/sandbox-facts.ts';

/** `forked` and `attempt` change no field, but are appended as facts. */
export type SessionRecordChange = Partial<StoredSession> & {
  readonly forked?: FactOf<'session.forked'>['data'];
  /** The attempt whose files the session got. */
  readonly attempt?: number;
};

/** Commands for sessions held by any server. The holder hydrates the session if needed. */
export interface SessionCommands {
  /** Rejects: session_not_found, shutting_down, deadline_exceeded (after a minute), and the session's refusal code. */
  command<Value>(id: SessionId, command: SessionCommand): Promise<Value>;
  /** Resolves with the record after all changes so far. An empty change only reads the record. */
  change(id: SessionId, change: SessionRecordChange): Promise<StoredSession>;
  /** Drops the fact if the session is not in memory. */
  tell(id: SessionId, fact: SandboxFact): void;
}

/** Each waiting caller gets one result. Later results are dropped. */
export class PendingCommands {
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown> & { of: SessionId; isOnItsWay?: true }>();

  expect<Value>(of: SessionId, commandId: string): Promise<Value> {
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(commandId, { ...answer, of });
    return answer.promise as Promise<Value>;
  }

  /** Callers of these commands get the result of the write, even if the session ends. */
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

  /** With `of`, rejects only that session's commands whose outcome is not being written. */
  refuse(error: AppError, of?: SessionId): void {
    for (const [commandId, waiting] of this.#waiting) {
      if (of !== undefined && (waiting.of !== of || waiting.isOnItsWay)) continue;
      this.#waiting.delete(commandId);
      waiting.reject(error);
    }
  }
}
