import type { Clock } from '../../../src/core/contracts/clock.ts';

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly fn: () => void;
}

/** A clock that only the test moves. Between two timers, everything happens that needs no time. */
export class VirtualTime implements Clock {
  #now = 1_700_000_000_000;
  #next = 1;
  readonly #timers = new Map<number, Timer>();

  #wallOff = 0;

  now = (): number => this.#now + this.#wallOff;

  setTimeout(fn: () => void, ms: number): number {
    const id = this.#next++;
    this.#timers.set(id, { id, at: this.#now + Math.max(0, ms), fn });
    return id;
  }
  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }
  get pending(): number {
    return this.#timers.size;
  }
  /** Resolves after `ms` of this clock. */
  sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.setTimeout(resolve, ms);
    return promise;
  }

  /** Resolves when nothing more can happen before time passes. */
  async settle(): Promise<void> {
    // Nothing here does I/O, so only microtasks are pending, and all of them run before the next immediate.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** The machine sleeps for `ms`: timers that fall due meanwhile fire together at the next `advance`. */
  suspend(ms: number): void {
    this.#now += ms;
  }

  /** Changes the wall clock by `ms`: `now` changes at once, but timers keep their durations. */
  jump(ms: number): void {
    this.#wallOff += ms;
  }

  async advance(ms: number): Promise<void> {
    const until = this.#now + ms;
    await this.settle();
    for (let timer = this.#due(until); timer; timer = this.#due(until)) {
      this.#timers.delete(timer.id);
      this.#now = Math.max(this.#now, timer.at);
      timer.fn();
      await this.settle();
    }
    this.#now = until;
  }

  /** Lets time pass until `isDone`, for at most `atMostMs`; false if it is still not done. */
  async until(isDone: () => boolean, atMostMs: number): Promise<boolean> {
    const end = this.#now + atMostMs;
    await this.settle();
    while (!isDone()) {
      const timer = this.#due(end);
      if (!timer) return false;
      await this.advance(timer.at - this.#now);
    }
    return true;
  }

  #due(until: number): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers.values()) {
      if (timer.at <= until && (!first || timer.at < first.at)) first = timer; // at equal times, the one set first
    }
    return first;
  }
}
