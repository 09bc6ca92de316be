import { writeSync } from 'node:fs';
import { type Debugger, Session } from 'node:inspector';
import { workerData } from 'node:worker_threads';
import { cell, type WatchdogJob } from './loop-watchdog.ts';

// Looks at the main thread's beats. This thread compares counts, never clocks: a machine that slept stopped both threads.

const { counts, blockedMs, fd } = workerData as WatchdogJob;
const maxFrames = 20;
const quietTicks = 4; // without a beat, each a quarter of the time
const stackMs = 30_000; // a single long operation, such as a regular expression, is paused only at its end

let last = -1;
let quiet = 0;
setInterval(
  () => {
    const beats = Atomics.load(counts, cell.beats);
    quiet = beats === last || beats === 0 ? quiet + 1 : 0;
    last = beats;
    if (beats > 0 && quiet === quietTicks) void report();
  },
  Math.ceil(blockedMs / 4),
);

async function report(): Promise<void> {
  const session = new Session();
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
    const stack = await paused;
    write(stack);
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

function write(stack: readonly string[]): void {
  const msg = 'the event loop is blocked';
  writeSync(fd, `${JSON.stringify({ level: 'error', time: Date.now(), blockedMs, stack, msg })}\n`);
  Atomics.add(counts, cell.reports, 1);
}
