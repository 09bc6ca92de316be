import type { Clock } from '../../../src/core/contracts/clock.ts';

/** A clock that only the test moves. */
export class ManualClock implements Clock {
  #now = 1_000_000;
  readonly #timers = new Map<number, { at: number; fn: () => void }>();
  #next = 1;

  now(): number {
    return this.#now;
  }
  setTimeout(fn: () => void, ms: number): number {
    this.#timers.set(this.#next, { at: this.#now + ms, fn });
    return this.#next++;
  }
  clearTimeout(id: unknown): void {
    this.#timers.delete(id as number);
  }
  get waiting(): number {
    return this.#timers.size;
  }
  advance(ms: number): void {
    this.#now += ms;
    for (const [id, { at, fn }] of [...this.#timers].sort(([, a], [, b]) => a.at - b.at)) {
      if (at <= this.#now && this.#timers.delete(id)) fn();
    }
  }
}
