import type { Clock } from '../../../src/core/contracts/clock.ts';

export interface ManualClock extends Clock {
  /** Moves time and runs due timers in order, also those that were set on the way. */
  advance(ms: number): void;
  /** The number of timers that are set. */
  pending(): number;
}

export function manualClock(start = 0): ManualClock {
  let now = start;
  let next = 1;
  const timers = new Map<number, { readonly at: number; readonly fn: () => void }>();
  return {
    now: () => now,
    setTimeout(fn, ms) {
      timers.set(next, { at: now + ms, fn });
      return next++;
    },
    clearTimeout: (id) => void timers.delete(id as number),
    advance(ms) {
      const until = now + ms;
      for (;;) {
        const due = [...timers].filter(([, { at }]) => at <= until).sort(([, a], [, b]) => a.at - b.at)[0];
        if (!due) break;
        timers.delete(due[0]);
        now = Math.max(now, due[1].at);
        due[1].fn();
      }
      now = until;
    },
    pending: () => timers.size,
  };
}
