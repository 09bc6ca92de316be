import { monotonicMs } from './generator.ts';

const everyMs = 1;

export interface LoopDelay {
  /** In ms, how late a timer of 1 ms fired. A turn of 50 ms counts as the 50 calls that would have waited for it. */
  readonly late: readonly number[];
  /** The longest turn by the thread's own processor time, in ms. The machine's other work does not count in it. */
  readonly longestMs: number;
}

/** Measures how late this process's event loop is. */
export function watchLoop(): { stop(): LoopDelay } {
  const late: number[] = [];
  let longestMs = 0;
  let due = monotonicMs() + everyMs;
  let cpu = process.threadCpuUsage();
  const timer = setInterval(() => {
    const now = monotonicMs();
    const { user, system } = process.threadCpuUsage(cpu);
    longestMs = Math.max(longestMs, (user + system) / 1_000);
    // One late sample would disappear among the many good ones, so each of the calls in its time counts.
    for (let delay = Math.max(0, now - due); ; delay -= everyMs) {
      late.push(Math.max(0, delay));
      if (delay <= everyMs) break;
    }
    due = now + everyMs;
    cpu = process.threadCpuUsage();
  }, everyMs);
  return {
    stop() {
      clearInterval(timer);
      return { late, longestMs };
    },
  };
}
