import type { Clock } from '../../../src/core/contracts/clock.ts';

export interface PoolSizer {
  /** Maximum number of ready sandboxes. 0 if there is no pool. */
  readonly most: number;
  /** `each`: maximum memory of one sandbox, in bytes. */
  now(each: number): number;
  recordRequest(): void;
  started(ms: number): void;
}

export const createFixedPoolSizer = (count: number): PoolSizer => ({
  most: count,
  now: () => count,
  recordRequest() {},
  started() {},
});

interface PoolSizeInputs {
  readonly clock: Clock;
  readonly freeMemory: () => number | undefined;
}

const rememberMs = 10 * 60_000;
const maxRequests = 5_000;
const maxReady = 32;
const shortestMs = 5_000;
const longestMs = 60_000;

/** Sizes the pool for the busiest burst of the last ten minutes, within half of the free memory. */
export function createAutomaticPoolSizer({ clock, freeMemory }: PoolSizeInputs): PoolSizer {
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
    recordRequest() {
      times.push(clock.now());
      if (times.length > maxRequests) times.shift();
    },
    started(ms) {
      refillMs = Math.min(Math.max(2 * ms, shortestMs), longestMs);
    },
  };
}

/** Returns the largest number of entries within any `spanMs`. `times` must be sorted. */
function busiest(times: readonly number[], spanMs: number): number {
  let first = 0;
  let most = 0;
  for (const [index, at] of times.entries()) {
    while (at - (times[first] as number) > spanMs) first += 1;
    most = Math.max(most, index - first + 1);
  }
  return most;
}
