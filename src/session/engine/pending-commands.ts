import type { Answer } from '../../../machines/session.ts';
import { AppError } from '../../core/errors.ts';
import type { SessionId } from '../../core/ids.ts';

/** Who waits for the answer to which command. Each is answered once; later answers find nobody. */
export class PendingCommands {
  readonly #waiting = new Map<string, PromiseWithResolvers<unknown> & { of: SessionId; isOnItsWay?: true }>();

  expect<Value>(of: SessionId, commandId: string): Promise<Value> {
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(commandId, { ...answer, of });
    return answer.promise as Promise<Value>;
  }

  /** Their outcome is on its way to the log: whether it arrives is their answer, whatever becomes of the session. */
  onTheirWay(commandIds: readonly string[]): void {
    for (const commandId of commandIds) {
      const waiting = this.#waiting.get(commandId);
      if (waiting) waiting.isOnItsWay = true;
    }
  }

  settle(commandIds: readonly string[], answer: Answer): void {
    for (const commandId of commandIds) {
      const waiting = this.#waiting.get(commandId);
      this.#waiting.delete(commandId);
      if (answer.ok) waiting?.resolve(answer.value);
      else waiting?.reject(new AppError(answer.code, answer.message));
    }
  }

  /** Nobody will answer these any more: those of one session that are not on their way, or all. */
  refuse(error: AppError, of?: SessionId): void {
    for (const [commandId, waiting] of this.#waiting) {
      if (of !== undefined && (waiting.of !== of || waiting.isOnItsWay)) continue;
      this.#waiting.delete(commandId);
      waiting.reject(error);
    }
  }
}
