import { setTimeout as pause } from 'node:timers/promises';
import { startProgram } from '../lib/calls/child-process.ts';
import type { SessionProgress } from '../lib/corral/busy-sessions.ts';
import { startServerWithClient } from '../lib/corral/client.ts';
import { readCpuMs, readResidentMiB } from '../lib/corral/process-usage.ts';
import { createMaxRule, growthFactor, type SeriesPlan, type SeriesPoint } from '../lib/measure/series.ts';

// Sessions that work without pause with a scripted model on fake sandboxes, each watched by one client: a command
// prints a line every 100 ms, and the next message follows as soon as the run ends. Each point has its own server.

export const runs: SeriesPlan = {
  name: 'runs',
  title: 'Sessions that work with a scripted model',
  along: 'sessions',
  points: (mode) => (mode === 'quick' ? [10, 100] : [10, 100, 500]),
  fitted: ['rssMiB'],
  rules: [
    createMaxRule('processor time of a run at the last point, next to that at 10', 1.3, ({ y }) =>
      growthFactor(y.cpuMsPerRun ?? []),
    ),
    createMaxRule('no session starves: 1 less its share by Jain', 0.1, ({ y }) => 1 - Math.min(...(y.jain ?? []))),
  ],
  open: async (_stack, mode) => (active) => figuresOf(active, mode === 'quick' ? 8_000 : 20_000),
};

async function figuresOf(active: number, ms: number): Promise<SeriesPoint> {
  await using stack = new AsyncDisposableStack();
  const { url, pid } = await startServerWithClient(stack, {
    CORRAL_DRIVER: 'memory',
    CORRAL_EGRESS_POLICY: 'none',
    LOG_LEVEL: 'error',
    CORRAL_MAX_SESSIONS: '2000',
    CORRAL_MAX_SESSIONS_PER_OWNER: '0',
    CORRAL_MAX_RUNNING_RUNS: '1000',
  });
  const busy = stack.use(await startProgram('busy-sessions', { url, active, printer: 'shell' }));
  await busy.call('begin');
  await pause(2_000); // all sessions have begun their first run by then
  const from = readCpuMs(pid);
  const before = await busy.call<SessionProgress>('progress');
  await pause(ms);
  const after = await busy.call<SessionProgress>('progress');
  const cpuMs = readCpuMs(pid) - from;
  if (after.failed.length > 0) throw new Error(`a call failed: ${after.failed[0]}`);
  const received = after.heard.map((bytes, n) => bytes - (before.heard[n] ?? 0));
  const ended = after.runs - before.runs;
  const [runsPerS, cpuMsPerRun] = [(ended * 1_000) / ms, cpuMs / ended];
  return { runsPerS, cpuMsPerRun, rssMiB: readResidentMiB(pid), jain: jainOf(received) };
}

/** Jain's fairness index. 1: all get the same share. 1/n: one of n gets everything. */
function jainOf(shares: readonly number[]): number {
  const sum = shares.reduce((total, one) => total + one, 0);
  return sum ** 2 / (shares.length * shares.reduce((total, one) => total + one ** 2, 0));
}
