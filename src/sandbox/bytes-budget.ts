import { throwIfFired } from '../core/cancel.ts';

interface Waiter {
  readonly bytes: number;
  readonly turn: PromiseWithResolvers<void>;
  hasTurn: boolean;
}

/**
 * Limits the bytes of answers that this server buffers at once, over all sandboxes. Without it, a few sandboxes with
 * large answers to many calls could use up the server's memory. Requests are served in order; one larger than the total
 * waits until it is the only one.
 */
export class BytesBudget {
  readonly #total: number;
  #used = 0;
  #waiting: Waiter[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  /** Reserves the bytes. Rejects when the signal fires first. Dispose returns the bytes. */
  async take(bytes: number, signal: AbortSignal): Promise<Disposable> {
    throwIfFired(signal);
    const waiter: Waiter = { bytes, turn: Promise.withResolvers(), hasTurn: false };
    const leave = () => waiter.turn.resolve();
    this.#waiting.push(waiter);
    signal.addEventListener('abort', leave, { once: true });
    this.#next();
    await waiter.turn.promise;
    signal.removeEventListener('abort', leave);
    const given = { [Symbol.dispose]: () => this.#give(waiter) };
    if (signal.aborted) given[Symbol.dispose]();
    throwIfFired(signal);
    return given;
  }

  #next(): void {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      if (this.#used > 0 && this.#used + first.bytes > this.#total) return;
      this.#waiting.shift();
      this.#used += first.bytes;
      first.hasTurn = true;
      first.turn.resolve();
    }
  }
  #give(waiter: Waiter): void {
    if (waiter.hasTurn) this.#used -= waiter.bytes;
    else this.#waiting = this.#waiting.filter((it) => it !== waiter);
    this.#next();
  }
}
