import { type Arrived, openFanOut, type Readers } from '../lib/fan-out.ts';
import { Listener } from '../lib/listener.ts';
import {
  addUp,
  type Correctness,
  type Experiment,
  type Mode,
  nothingMissing,
  type Pair,
  type Row,
} from '../lib/measure.ts';

// The maximum throughput of a fan-out over WebSockets: from the command to emit to the last frame at the last of 100
// listeners. The listeners run in this process. Each frame is about 460 bytes, 300 of them text.

const subscribers = 100;
const bytes = 300;
const arrivalMs = 30_000;

export const P09: Row = {
  id: 'P09',
  title: 'fan-out over WebSockets, deliveries/s at 100',
  missing: nothingMissing,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P09',
    variant: { subscribers, bytes, store: 'memory' },
    ...{ unit: 'deliveries/s', better: 'higher', subject: 'corral-ws', peer: 'raw-ws', feels: 'noise' },
    goals: [{ stat: 'p50', min: 0.8, level: 'anchor' }],
    rounds: { warmUp: 2, min: 6, max: quick ? 10 : 40, capMs: quick ? 14_000 : 300_000 },
    open: () => openPair(quick ? 400 : 1_500),
  };
}

function openPair(events: number): Promise<Pair> {
  return openFanOut({
    ...{ events, emission: { bytes }, arrivalMs, openReaders },
    subject: { program: 'corral-sockets' },
    peer: { program: 'raw-ws' },
  });
}

async function openReaders(url: string): Promise<Readers> {
  using stack = new DisposableStack();
  const all: Listener[] = [];
  for (let n = 0; n < subscribers; n++) all.push(stack.use(await Listener.open(url, n === 0)));
  const held = stack.move();
  return {
    reset: () => {
      for (const one of all) one.reset();
    },
    hasAll: ({ count }) => all.every(({ frames }) => frames >= count),
    judge: (round) => {
      const until = Math.max(...all.map(({ heardAt }) => heardAt));
      return {
        samples: [(round.count * subscribers * 1_000) / (until - round.from)],
        correct: correctOf(all as [Listener, ...Listener[]], round),
      };
    },
    [Symbol.dispose]: () => held.dispose(),
  };
}

/** Checks the witness by its texts, and the others by whether they have the same frames as the witness. */
function correctOf([witness, ...others]: [Listener, ...Listener[]], round: Arrived): Correctness {
  const { count } = round;
  return addUp([
    witness.correct(round),
    ...others.map(({ frames, crc }) => ({
      ...{ expected: count, received: frames, duplicated: Math.max(0, frames - count), reordered: 0 },
      lost: Math.max(0, count - frames) + (frames === count && crc !== witness.crc ? 1 : 0),
    })),
  ]);
}
