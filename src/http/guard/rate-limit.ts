import type { Clock } from '../../core/contracts/clock.ts';
import { toNetworkKey } from '../../core/text/address.ts';

export interface RateLimitStatus {
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly exceeded: boolean;
}
export interface RateLimiter {
  /** A `cost` of 0 only reads the count. Default: 1. */
  take(caller: string, cost?: number): RateLimitStatus;
}

/** Further callers share one count, so that a flood of addresses cannot reset known callers' counts. */
const maxCallers = 10_000;

export function createRateLimiter(limit: number, clock: Clock, windowMs = 60_000): RateLimiter {
  let window = -1;
  const counts = new Map<string, number>();
  return {
    take(address, cost = 1) {
      const caller = toNetworkKey(address);
      const now = clock.now();
      const current = Math.floor(now / windowMs);
      if (current !== window) {
        window = current;
        counts.clear();
      }
      const key = counts.size < maxCallers || counts.has(caller) ? caller : 'everybody else';
      const count = (counts.get(key) ?? 0) + cost;
      counts.set(key, count);
      return {
        limit,
        remaining: Math.max(0, limit - count),
        resetSeconds: Math.ceil(((current + 1) * windowMs - now) / 1000),
        exceeded: count > limit,
      };
    },
  };
}
