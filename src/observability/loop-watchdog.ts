import { Worker } from 'node:worker_threads';

/** Shared by both threads: `beats` grows while the event loop turns, `reports` with each written line. */
export const cell = { beats: 0, reports: 1 } as const;
export interface WatchdogJob {
  readonly counts: Int32Array;
  readonly blockedMs: number;
  readonly fd: number;
}

export interface WatchdogOptions {
  /** How long one piece of work may hold the event loop, in ms. */
  readonly blockedMs: number;
  /** The file that gets the line; 2 is standard error. */
  readonly fd?: number;
}

/**
 * Watches the event loop from a thread of its own, and writes a line of JSON with the stack of the work that holds it,
 * once for each time. The line comes while the loop is held, because that can be for ever. `counts` is for tests.
 */
export function watchLoop({ blockedMs, fd = 2 }: WatchdogOptions): Disposable & { readonly counts: Int32Array } {
  const counts = new Int32Array(new SharedArrayBuffer(8));
  const file = import.meta.url.endsWith('.ts') ? './watchdog-worker.ts' : './watchdog-worker.js'; // the sources, or tsc's output
  const worker = new Worker(new URL(file, import.meta.url), {
    name: 'watchdog',
    workerData: { counts, blockedMs, fd } satisfies WatchdogJob,
    resourceLimits: { maxOldGenerationSizeMb: 16, maxYoungGenerationSizeMb: 2 },
    env: {},
    execArgv: [],
  });
  worker.on('error', () => {}); // a server without its watchdog goes on
  worker.unref();
  const beat = setInterval(() => Atomics.add(counts, cell.beats, 1), Math.ceil(blockedMs / 4)).unref();
  return {
    counts,
    [Symbol.dispose]() {
      clearInterval(beat);
      void worker.terminate();
    },
  };
}
