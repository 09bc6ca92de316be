import { Worker } from 'node:worker_threads';
import { setWatchdogJob, watchdogCounterIndex } from '../core/concurrency/watch-loop.ts';

export interface WatchdogOptions {
  readonly blockedMs: number;
  /** Which thread watches: the watchdog's own, or the storage thread, which must be started after `watchEventLoop`. */
  readonly thread: 'own' | 'store';
  /** The file descriptor that lines are written to; 2 is standard error. */
  readonly fd?: number;
}

/** Another thread logs the stack while the loop is blocked. `counts` is for tests. */
export function watchEventLoop(options: WatchdogOptions): Disposable & { readonly counts: Int32Array } {
  const { blockedMs, thread, fd = 2 } = options;
  const counts = new Int32Array(new SharedArrayBuffer(8));
  setWatchdogJob({ counts, blockedMs, fd });
  const worker = thread === 'own' ? ownThread() : undefined;
  const beat = setInterval(() => Atomics.add(counts, watchdogCounterIndex.beats, 1), Math.ceil(blockedMs / 4)).unref();
  return {
    counts,
    [Symbol.dispose]() {
      clearInterval(beat);
      setWatchdogJob(undefined);
      void worker?.terminate();
    },
  };
}

function ownThread(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './watchdog-worker.ts' : './watchdog-worker.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    name: 'watchdog',
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    env: {},
    execArgv: [],
  });
  worker.on('error', () => {}); // the server continues without its watchdog
  worker.unref();
  return worker;
}
