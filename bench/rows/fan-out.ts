import { type ProgramProcess, startProgram } from '../lib/calls/child-process.ts';
import { EventReader, type EventTransport, type FanOutRound } from '../lib/calls/event-reader.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { monotonicMs, watchGenerator } from '../lib/measure/generator.ts';
import {
  type BenchMode,
  type BenchRow,
  computeRoundLimits,
  createRateDefaults,
  type Experiment,
  type RoundRunner,
  sumDeliveryCounts,
  timeDefaults,
} from '../lib/measure/measure.ts';

// A hundred readers of one session, in this process; each server runs in its own. `latency`: at 100 events a second,
// from the server receiving an event to a reader receiving it; both sides store each event first. `ceiling`: from the
// command to emit to the last event at the last reader; neither side stores events, because the disk would hide the
// cost of delivery.

const count = 100;
const bytes = 300;
const peers = { sse: 'raw-sse', websocket: 'raw-ws' } as const;

export const fanOut: BenchRow = {
  name: 'fan-out',
  title: '100 readers of one session: the latency at 100 events a second, and the ceiling',
  experiments: (mode) => [latency(mode), ceiling('sse', mode), ceiling('websocket', mode)],
};

type Readers = readonly EventReader[];
interface FanOut {
  readonly over: EventTransport;
  readonly events: number;
  readonly everyMs?: number;
  readonly arrivalMs: number;
  readonly store: 'full' | 'memory';
  samplesOf(readers: Readers, round: FanOutRound): readonly number[];
}

const latency = (mode: BenchMode): Experiment => ({
  ...timeDefaults,
  variant: { of: 'latency', over: 'sse' },
  peer: peers.sse,
  goals: [{ stat: 'p99', max: 1.5 }],
  rounds: computeRoundLimits(mode, 16_000),
  open: openPair({
    over: 'sse',
    events: mode === 'quick' ? 60 : 200,
    everyMs: 10,
    arrivalMs: 5_000,
    store: 'full',
    samplesOf: (readers) => readers.flatMap(({ latencies }) => latencies),
  }),
});

const ceiling = (over: EventTransport, mode: BenchMode): Experiment => ({
  variant: { of: 'ceiling', over },
  ...createRateDefaults('deliveries/s'),
  peer: peers[over],
  goals: [{ stat: 'p50', min: 0.6 }],
  rounds: { ...computeRoundLimits(mode, 14_000), warmUp: 2 },
  open: openPair({
    over,
    events: mode === 'quick' ? 400 : 1_500,
    arrivalMs: 30_000,
    store: 'memory',
    samplesOf: (readers, { count: events, from }) => [
      (events * count * 1_000) / (Math.max(...readers.map(({ heardAt }) => heardAt)) - from),
    ],
  }),
});

function openPair(plan: FanOut): Experiment['open'] {
  return async (stack) => {
    const side = async (program: string): Promise<RoundRunner> => {
      const { path: dataDir } = stack.use(await createTempFolder());
      const child = stack.use(await startProgram(program, { dataDir, store: plan.store, over: plan.over }));
      const url = await child.call<string>('listen');
      const readers: EventReader[] = [];
      for (let n = 0; n < count; n++) readers.push(stack.use(await EventReader.open(url, plan.over)));
      let first = 1;
      return () => {
        first += plan.events;
        return takeRound(child, readers, { ...plan, first: first - plan.events });
      };
    };
    return { subject: await side('corral-parts'), peer: await side(peers[plan.over]) };
  };
}

async function takeRound(child: ProgramProcess, readers: Readers, plan: FanOut & { first: number }) {
  const { first, events, everyMs, arrivalMs } = plan;
  for (const reader of readers) reader.reset();
  const load = watchGenerator();
  const from = monotonicMs();
  const crc = await child.call<number>('emit', { first, count: events, bytes, everyMs });
  const deadline = performance.now() + arrivalMs;
  while (!readers.every(({ last }) => last >= first + events - 1) && performance.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  const generator = load.stop();
  const round = { first, count: events, crc, from };
  const correct = sumDeliveryCounts(readers.map((reader) => reader.correct(round)));
  return { samples: plan.samplesOf(readers, round), correct, generator };
}
