import { orAborted } from './cancel.ts';
import { AppError } from './errors.ts';

const maxWaiting = 2_000;

/** Limits how many callers run at once; the others wait in order, at most 2,000. Beyond them: queue_full, with that text. */
export class Slots {
  readonly #waiting = new Set<() => void>();
  readonly #full: string;
  #free: number;

  constructor(count: number, full: string) {
    this.#free = count;
    this.#full = full;
  }

  async use<Value>(signal: AbortSignal, act: () => Promise<Value>): Promise<Value> {
    await this.#take(signal);
    try {
      return await act();
    } finally {
      this.#give();
    }
  }

  async #take(signal: AbortSignal): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    if (this.#waiting.size >= maxWaiting) throw new AppError('queue_full', this.#full);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting.add(resolve);
    await orAborted(promise, signal).catch((error) => {
      if (!this.#waiting.delete(resolve)) this.#give(); // aborted after the slot was already given: pass it on
      throw error;
    });
  }

  #give(): void {
    const [next] = this.#waiting;
    if (!next) {
      this.#free += 1;
      return;
    }
    this.#waiting.delete(next);
    next();
  }
}
