import type { Clock } from '../core/contracts/clock.ts';
import { AppError } from '../core/errors/errors.ts';
import { toNetworkKey } from '../core/text/address.ts';

export interface Lockout {
  /** The remaining lockout in ms; 0 if the address is not locked out. */
  waitOf(address: string): number;
  failed(address: string): void;
  /** Call this only for a wrong credential. Returns the remaining lockout in ms, or 0 if the credential was counted. */
  judge(address: string): number;
}
export const lockedOutError = (retryAfterMs: number) =>
  new AppError('rate_limited', 'Too many wrong credentials came from this address. Try again in a minute.', {
    retryAfterMs,
  });
export interface LockoutOptions {
  readonly clock: Clock;
  /** Called on the first wrong credential in a minute, and on a lockout. */
  readonly onFailure: (what: 'failed' | 'locked', address: string) => void;
}
const maxFailures = 1_000;
const windowMs = 60_000;
const maxAddresses = 10_000;

/** 1,000 wrong credentials within a minute lock out an address, or an IPv6 /64 network, for a minute. */
export function createLockout({ clock, onFailure: listener }: LockoutOptions): Lockout {
  const windows = new Map<string, { failures: number; endsAt: number }>();

  const it: Lockout = {
    waitOf(address) {
      const window = windows.get(toNetworkKey(address));
      if (!window || window.failures < maxFailures) return 0;
      return Math.max(0, window.endsAt - clock.now());
    },
    failed(address) {
      const now = clock.now();
      const network = toNetworkKey(address);
      const before = windows.get(network);
      const window = before && before.endsAt > now ? before : { failures: 0, endsAt: now + windowMs };
      window.failures += 1;
      windows.delete(network); // keeps the entries sorted by their last failure, oldest first
      windows.set(network, window);
      const [oldest] = windows.keys();
      if (windows.size > maxAddresses && oldest !== undefined) windows.delete(oldest);
      if (window.failures === 1) listener('failed', address);
      if (window.failures !== maxFailures) return;
      window.endsAt = now + windowMs;
      listener('locked', address);
    },
    judge(address) {
      const wait = it.waitOf(address);
      if (wait === 0) it.failed(address);
      return wait;
    },
  };
  return it;
}
