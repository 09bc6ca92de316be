import { networkOf } from '../core/address.ts';
import type { Clock } from '../core/clock.ts';

export interface Lockout {
  /** How long the address must still wait, ms; 0: it need not. */
  waitOf(address: string): number;
  /** It showed a wrong credential. */
  failed(address: string): void;
}
export interface LockoutOptions {
  readonly clock: Clock;
  /** A first wrong credential of an address in a while, and the moment it is locked out. */
  readonly heard: (what: 'failed' | 'locked', address: string) => void;
}
const maxFailures = 1_000;
const windowMs = 60_000;
const maxAddresses = 10_000;

/** After too many wrong credentials within a minute, whoever guesses from that address is not even looked at. */
export function lockout({ clock, heard }: LockoutOptions): Lockout {
  const windows = new Map<string, { failures: number; endsAt: number }>();

  return {
    waitOf(address) {
      const window = windows.get(networkOf(address));
      if (!window || window.failures < maxFailures) return 0;
      return Math.max(0, window.endsAt - clock.now());
    },
    failed(address) {
      const now = clock.now();
      const network = networkOf(address);
      const before = windows.get(network);
      const window = before && before.endsAt > now ? before : { failures: 0, endsAt: now + windowMs };
      window.failures += 1;
      windows.delete(network); // to the end: the first is the one that has been quiet for longest
      windows.set(network, window);
      const [oldest] = windows.keys();
      if (windows.size > maxAddresses && oldest !== undefined) windows.delete(oldest);
      if (window.failures === 1) heard('failed', address);
      if (window.failures !== maxFailures) return;
      window.endsAt = now + windowMs;
      heard('locked', address);
    },
  };
}
