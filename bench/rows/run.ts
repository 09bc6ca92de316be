import { startServerWithClient } from '../lib/corral/client.ts';
import { readCpuMs } from '../lib/corral/process-usage.ts';
import { monotonicMs } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  createLimitExperiment,
  type Experiment,
  timeDefaults,
} from '../lib/measure/measure.ts';
import { describeMissingBubblewrap } from '../peers/raw-daemon.ts';

// A run of one command, from the message to the end of the answer: its duration and the server's processor time.
// `alone` and `together` have no peer except another checkout (`--against`). `files`: a workspace of 20,000 files,
// compared with an empty one. `length`: late runs of one long session, compared with the tenth and later runs of new
// sessions.

const runsEach = 10;
const atOnce = 50;
const budgets = { time: 250, processor: 150 } as const; // per run, in ms
type Figure = keyof typeof budgets;

export const runRow: BenchRow = {
  name: 'run',
  title: 'a run of one command, process sandboxes: time, and processor time of the server',
  missing: describeMissingBubblewrap,
  experiments: (mode) => [
    ...(['time', 'processor'] as const).flatMap((of) => [single(of, 'alone', mode), single(of, 'together', mode)]),
    beside('files', 2, mode),
    beside('length', 1.3, mode),
  ],
};

const single = (of: Figure, at: 'alone' | 'together', mode: BenchMode): Experiment =>
  createLimitExperiment({
    max: budgets[of] * (at === 'together' && of === 'time' ? atOnce : 1),
    unit: 'ms',
    variant: { of, at },
    rounds: computeRoundLimits(mode, 15_000),
    async open(stack) {
      const { took, started } = await openRuns(stack);
      const sessions = await Promise.all(Array.from({ length: at === 'alone' ? 1 : atOnce }, started));
      return () => took(of, sessions, at === 'alone' ? runsEach : 1);
    },
  });

const beside = (what: 'files' | 'length', max: number, mode: BenchMode): Experiment => ({
  ...timeDefaults,
  variant: { of: 'processor', at: what },
  goals: [{ stat: 'p50', max }],
  peer: what === 'files' ? 'an empty workspace' : 'the tenth run',
  rounds: { ...computeRoundLimits(mode, 20_000), warmUp: 0 },
  async open(stack) {
    const { took, started, runs, fill } = await openRuns(stack);
    const [subject, peer] = [await started(), await started()];
    if (what === 'files') await fill(subject);
    else await runs(subject, mode === 'quick' ? 300 : 1_000);
    return {
      subject: () => took('processor', [subject], runsEach),
      async peer() {
        if (what === 'files') return await took('processor', [peer], runsEach);
        const session = await started();
        await runs(session, runsEach);
        return await took('processor', [session], runsEach);
      },
    };
  },
});

async function openRuns(stack: AsyncDisposableStack) {
  const client = await startServerWithClient(stack, {
    CORRAL_DRIVER: 'process',
    CORRAL_EGRESS_POLICY: 'none',
    CORRAL_MAX_RUNNING_RUNS: '100',
    CORRAL_MAX_SESSIONS_PER_OWNER: '0',
    LOG_LEVEL: 'error',
  });
  let count = 0;
  const command = (session: string, line: string) =>
    client.chat(session, `Work ${++count} ${'.'.repeat(1_000)}\n\`\`\`sh\n${line}\n\`\`\``);
  const runs = async (session: string, times: number) => {
    for (let n = 0; n < times; n++) await command(session, `echo ${n}`);
  };
  return {
    runs,
    started: () => client.started(),
    fill: (session: string) =>
      command(
        session,
        'mkdir -p f && cd f && seq 20000 | split -l 1 -a 4 - f && for i in f*; do truncate -s 20K $i; done',
      ),
    async took(of: Figure, sessions: readonly string[], times: number): Promise<readonly number[]> {
      const [from, used] = [monotonicMs(), readCpuMs(client.pid)];
      await Promise.all(sessions.map((session) => runs(session, times)));
      if (of === 'time') return [(monotonicMs() - from) / times];
      return [(readCpuMs(client.pid) - used) / (times * sessions.length)];
    },
  };
}
