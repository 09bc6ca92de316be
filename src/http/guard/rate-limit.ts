import type { Clock } from '../../core/contracts/clock.ts';
import { toNetworkKey } from '../../core/text/address.ts';

export interface RateLimitStatus {
  readonly limit: number;
  readonly remaining: number;
  readonly resetSeconds: number;
  readonly exceeded: boolean;
}
export interface RateLimiter {
  /** A `cost` of 0 only reads the count; default: 1. */
  take(caller: string, cost?: number): RateLimitStatus;
}

/**
 * Above this number of callers in one window, new callers share one count, so memory stays bounded and no known caller
 * is forgotten. The store of `@fastify/rate-limit` forgets the oldest caller instead, so a flood of addresses resets
 * that caller's limit.
 */
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
