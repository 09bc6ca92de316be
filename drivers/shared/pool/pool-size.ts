import type { Clock } from '../../../src/core/contracts/clock.ts';

/** Decides how many sandboxes a pool keeps ready for each recipe. */
export interface PoolSize {
  /** Never more than this. With 0 there is no pool. */
  readonly most: number;
  /** @param each memory in bytes that one sandbox may use */
  now(each: number): number;
  /** A session asked the pool for a sandbox. */
  asked(): void;
  /** A start took this long, in ms. */
  started(ms: number): void;
}

export const fixedSize = (count: number): PoolSize => ({
  most: count,
  now: () => count,
  asked() {},
  started() {},
});

interface PoolSizeInputs {
  readonly clock: Clock;
  /** Memory that the sandboxes' host can still give, in bytes; undefined where only the backend knows it. */
  readonly freeMemory: () => number | undefined;
}

const rememberMs = 10 * 60_000;
const maxAsked = 5_000;
const maxReady = 32;
const shortestMs = 5_000;
const longestMs = 60_000;

/**
 * A pool of as many sandboxes as callers wanted at once in the last ten minutes. "At once" means within the time in
 * which the pool fills again: twice a start. One stands ready in quiet times too. Ready sandboxes, each counted with
 * all the memory it may use, take at most half of what is free.
 */
export function automaticSize({ clock, freeMemory }: PoolSizeInputs): PoolSize {
  let times: number[] = [];
  let refillMs = shortestMs;
  return {
    most: maxReady,
    now(each) {
      const from = clock.now() - rememberMs;
      times = times.filter((at) => at > from);
      const free = freeMemory();
      const fitting = free === undefined ? maxReady : Math.floor(free / 2 / each);
      return Math.min(Math.max(1, busiest(times, refillMs)), fitting, maxReady);
    },
    asked() {
      times.push(clock.now());
      if (times.length > maxAsked) times.shift();
    },
    started(ms) {
      refillMs = Math.min(Math.max(2 * ms, shortestMs), longestMs);
    },
  };
}

/** The greatest number of the times, which are in order, that lie within `spanMs`. */
function busiest(times: readonly number[], spanMs: number): number {
  let first = 0;
  let most = 0;
  for (const [index, at] of times.entries()) {
    while (at - (times[first] as number) > spanMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
