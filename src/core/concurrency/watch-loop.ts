import { writeSync } from 'node:fs';
import type { Debugger, Session as InspectorSession } from 'node:inspector';
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';

// Logs the main thread's stack while its event loop is blocked.

export const watchdogCounterIndex = { beats: 0, reports: 1 } as const;
export interface WatchdogJob {
  readonly counts: Int32Array;
  readonly blockedMs: number;
  readonly fd: number;
}
const key = 'corral.watchdog';
const maxFrames = 20;
const quietTicks = 4; // ticks without a beat before a report; each tick is a quarter of `blockedMs`
const stackMs = 30_000; // maximum wait for the debugger, which cannot pause a single long operation

/** Sets the job for threads that start after this call; undefined clears it. */
export const setWatchdogJob = (job: WatchdogJob | undefined): void => setEnvironmentData(key, job);

/** Called in a thread other than the main thread. Compares counts, never clocks. */
export function startWatchdog(): void {
  const job = getEnvironmentData(key) as WatchdogJob | undefined;
  if (!job) return;
  let last = -1;
  let quiet = 0;
  const look = () => {
    const beats = Atomics.load(job.counts, watchdogCounterIndex.beats);
    quiet = beats === last || beats === 0 ? quiet + 1 : 0;
    last = beats;
    if (beats > 0 && quiet === quietTicks) void report(job);
  };
  setInterval(look, Math.ceil(job.blockedMs / 4)).unref();
}

async function report(job: WatchdogJob): Promise<void> {
  const { Session } = await import('node:inspector');
  const session: InspectorSession = new Session();
  session.connectToMainThread();
  try {
    const urls = new Map<string, string>();
    session.on('Debugger.scriptParsed', ({ params: { scriptId, url } }) => urls.set(scriptId, url));
    const paused = new Promise<readonly string[]>((resolve) => {
      session.once('Debugger.paused', ({ params }) => resolve(framesOf(params.callFrames, urls)));
      setTimeout(() => resolve([]), stackMs).unref();
    });
    session.post('Debugger.enable');
    session.post('Debugger.pause');
    write(job, await paused);
  } finally {
    session.post('Debugger.resume');
    session.post('Debugger.disable', () => session.disconnect());
  }
}

const framesOf = (frames: readonly Debugger.CallFrame[], urls: ReadonlyMap<string, string>): string[] =>
  frames.slice(0, maxFrames).map(({ functionName, location }) => {
    const url = urls.get(location.scriptId) ?? '';
    const place = `${url.replace(/^file:\/\//, '')}:${location.lineNumber + 1}:${(location.columnNumber ?? 0) + 1}`;
    return `${functionName || '(anonymous)'} (${place})`;
  });

function write({ counts, blockedMs, fd }: WatchdogJob, stack: readonly string[]): void {
  const msg = 'the event loop is blocked';
  writeSync(fd, `${JSON.stringify({ level: 'error', time: Date.now(), blockedMs, stack, msg })}\n`);
  Atomics.add(counts, watchdogCounterIndex.reports, 1);
}
