import { throwIfFired } from '../core/cancel.ts';

interface Waiter {
  readonly bytes: number;
  readonly turn: PromiseWithResolvers<void>;
  hasTurn: boolean;
}

/**
 * How many bytes of answers this server holds at once, over all sandboxes: a few that answer as much as they may, to many
 * calls at once, must not take its memory. First come, first served; one larger than all of it waits until it is alone.
 */
export class BytesBudget {
  readonly #total: number;
  #used = 0;
  #waiting: Waiter[] = [];

  constructor(total: number) {
    this.#total = total;
  }

  /** Rejects when the signal fires first. Dispose gives the bytes back. */
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
