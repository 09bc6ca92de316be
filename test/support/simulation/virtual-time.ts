import type { Clock } from '../../../src/core/clock.ts';

interface Timer {
  readonly id: number;
  readonly at: number;
  readonly fn: () => void;
}

/** Time that passes only when told to. Between two timers everything that can happen without time happens. */
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
  /** Resolves after that time, by this clock. */
  sleep(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.setTimeout(resolve, ms);
    return promise;
  }

  /** Until nothing happens any more without time passing. */
  async settle(): Promise<void> {
    // Nothing here does I/O, so all there is are microtasks, and those are through before the next immediate.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }

  /** The machine sleeps: what fell due meanwhile is due all at once when it wakes, with the next moment that passes. */
  suspend(ms: number): void {
    this.#now += ms;
  }

  /** Somebody sets the clock: it shows another time, and what was to happen after so long happens after so long. */
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

  /** Lets time pass until it is done, at most so long; false: it is not. */
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
      if (timer.at <= until && (!first || timer.at < first.at)) first = timer; // those set first come first
    }
    return first;
  }
}
