import { startProgram } from '../lib/calls/child-process.ts';
import { type ControlReport, controlCallKinds } from '../lib/calls/control-calls.ts';
import type { SessionProgress } from '../lib/corral/busy-sessions.ts';
import { startServerWithClient } from '../lib/corral/client.ts';
import { createFilledFolder } from '../lib/corral/corral-store.ts';
import { type ApiName, apiNames } from '../lib/corral/session-api.ts';
import {
  type BenchMode,
  type BenchRow,
  createLimitExperiment,
  type Experiment,
  type RoundRunner,
  toDeliveryCounts,
} from '../lib/measure/measure.ts';
import { summarize } from '../lib/measure/statistics.ts';
import { describeMissingBubblewrap } from '../peers/raw-daemon.ts';

// How long a person waits for a control call while 50 sessions work and 500 more are in memory. Eight of the 50 belong
// to people who send a message, watch for 1.6 s and stop the run. A sample of `calls` comes from the kind (health,
// list, message) with the worst p99 of its round, so every kind must meet the target. The caller, the working sessions
// and the server share the machine's processors, as in production. A call is timed from when it was due, so a late
// caller can only worsen the figure.

const active = 50;
const idle = 500;
const steered = 8;
const budgets = { calls: 100, stop: 1_000 } as const;
type LoadFigure = keyof typeof budgets;
/** Long enough for a p99: eight people stop four runs a second. */
const roundMs = { quick: 15_000, full: 60_000 } as const;

export const loadRow: BenchRow = {
  name: 'load',
  title: '50 sessions at work, 500 idle, process sandboxes: health, list and message; stop',
  missing: describeMissingBubblewrap,
  experiments: (mode) =>
    apiNames.flatMap((api) => [experiment({ of: 'calls', api }, mode), experiment({ of: 'stop', api }, mode)]),
};

interface LoadVariant {
  readonly of: LoadFigure;
  readonly api: ApiName;
}
const experiment = ({ of, api }: LoadVariant, mode: BenchMode): Experiment =>
  createLimitExperiment({
    max: budgets[of],
    unit: 'ms',
    variant: { of, active, idle, ...(api !== 'corral' && { api }) },
    goals: [{ stat: 'p99', max: 1 }],
    rounds: { warmUp: 1, min: 4, max: mode === 'quick' ? 4 : 8, capMs: mode === 'quick' ? 80_000 : 600_000 },
    open: (stack) => openLoad(stack, { of, api }, roundMs[mode]),
  });

async function openLoad(stack: AsyncDisposableStack, { of, api }: LoadVariant, ms: number): Promise<RoundRunner> {
  const { dataDir, stored } = await createFilledFolder(stack, 'sessions', idle);
  const { url, calls } = await startServerWithClient(stack, {
    CORRAL_DRIVER: 'process',
    CORRAL_DATA_DIR: dataDir,
    CORRAL_SESSION_PASSIVATE_SECONDS: '86400',
    CORRAL_MAX_SESSIONS: '1000',
    CORRAL_MAX_SESSIONS_PER_OWNER: '0',
    CORRAL_MAX_RUNNING_RUNS: '100',
    CORRAL_EGRESS_POLICY: 'none',
    ...(api !== 'corral' && { CORRAL_MANAGED_AGENTS: 'on' }),
    LOG_LEVEL: 'error',
  });
  for (const id of stored) await calls.ask('/trpc/sessions.update', { id, title: 'in memory' });
  const others = { active: active - steered, printer: 'perl', api };
  const busy = stack.use(await startProgram('busy-sessions', { url, ...others }));
  await busy.call('begin');
  const control = stack.use(await startProgram('control-calls', { url, sessions: steered, api }));
  return async () => {
    const before = await busy.call<SessionProgress>('progress');
    const { took, requested, failed } = await control.call<ControlReport>('round', { ms });
    const after = await busy.call<SessionProgress>('progress');
    const starved = after.heard.filter((bytes, n) => bytes === before.heard[n]).length;
    for (const why of [...failed, ...after.failed].slice(0, 3)) console.error(`bench: load: ${why}`);
    const [worst = []] = controlCallKinds
      .filter((kind) => kind !== 'stop')
      .map((kind) => took[kind])
      .sort((a, b) => summarize(b).p99 - summarize(a).p99);
    const lost = failed.length + starved + after.failed.length;
    const expected = requested + active - steered;
    const correct = toDeliveryCounts(expected, expected - lost);
    return { samples: of === 'stop' ? took.stop : worst, correct };
  };
}
