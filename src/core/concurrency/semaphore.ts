import { AppError } from '../errors/errors.ts';
import { raceAbort, throwIfAborted } from './cancel.ts';

interface Options {
  /** Maximum number of waiting callers. Default: 1,024. */
  readonly maxWaiting?: number;
  readonly whenFull?: string;
}
interface Waiter {
  readonly weight: number;
  readonly begin: () => void;
}

/**
 * Limits the total weight of concurrent calls (1 each by default). Callers beyond the limit wait in order. A call heavier
 * than the limit runs alone.
 *
 * @example
 * using _slot = await uploads.acquire(signal);
 */
export class Semaphore {
  readonly #limit: number;
  readonly #options: Options;
  readonly #waiting = new Set<Waiter>();
  #used = 0;

  constructor(limit: number, options: Options = {}) {
    this.#limit = limit;
    this.#options = options;
  }

  /** Dispose the result to release the slot. Rejects: queue_full, cancelled, deadline_exceeded. */
  async acquire(signal: AbortSignal, weight = 1): Promise<Disposable> {
    throwIfAborted(signal);
    if (this.#waiting.size === 0 && this.#hasRoomFor(weight)) this.#used += weight;
    else await this.#turn(weight, signal);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#release(weight);
        isHeld = false;
      },
    };
  }

  async #turn(weight: number, signal: AbortSignal): Promise<void> {
    const { maxWaiting = 1_024, whenFull = 'Too many calls of this kind are already waiting.' } = this.#options;
    if (this.#waiting.size >= maxWaiting) throw new AppError('queue_full', whenFull);
    const { promise, resolve } = Promise.withResolvers<void>();
    const waiter = { weight, begin: resolve };
    this.#waiting.add(waiter);
    await raceAbort(promise, signal).catch((thrown: unknown) => {
      if (this.#waiting.delete(waiter)) this.#serve();
      else this.#release(weight); // the slot was granted at the moment of the abort
      throw thrown;
    });
  }

  #release(weight: number): void {
    this.#used -= weight;
    this.#serve();
  }

  #serve(): void {
    for (const waiter of this.#waiting) {
      if (!this.#hasRoomFor(waiter.weight)) return;
      this.#waiting.delete(waiter);
      this.#used += waiter.weight;
      waiter.begin();
    }
  }

  #hasRoomFor(weight: number): boolean {
    return this.#used === 0 || this.#used + weight <= this.#limit;
  }
}
