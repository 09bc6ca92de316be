import type { CommandAnswer } from '../../../machines/session.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';

/** Callers waiting for a command's result. Each gets one result; later results are dropped. */
export class PendingCommands {
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown> & { of: SessionId; isOnItsWay?: true }>();

  expect<Value>(of: SessionId, commandId: string): Promise<Value> {
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(commandId, { ...answer, of });
    return answer.promise as Promise<Value>;
  }

  /**
   * Marks commands whose outcome is being written. They get the result of that write, even if the session ends in the meantime.
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

  /** Rejects waiting commands. With a session, only commands of that session whose outcome is not being written. */
  refuse(error: AppError, of?: SessionId): void {
    for (const [commandId, waiting] of this.#waiting) {
      if (of !== undefined && (waiting.of !== of || waiting.isOnItsWay)) continue;
      this.#waiting.delete(commandId);
      waiting.reject(error);
    }
  }
}
