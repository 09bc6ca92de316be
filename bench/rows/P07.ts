import { openFanOut } from '../lib/fan-out.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row } from '../lib/measure.ts';
import { subscribing } from '../lib/subscribers.ts';

// Fan-out at 100 events a second: from the moment the server gets an event to the moment a subscriber has it. The
// subscribers run in this process, each server in its own.

const everyMs = 10;
const bytes = 300;
const arrivalMs = 5_000;

type Store = 'full' | 'memory';
interface Variant {
  readonly subscribers: number;
  readonly store: Store;
}

export const P07: Row = {
  id: 'P07',
  title: 'fan-out latency, 100 events/s of 300 B',
  missing: nothingMissing,
  experiments: (mode) =>
    [1, 10, 100].flatMap((subscribers) =>
      (mode === 'quick' ? (['full'] as const) : (['full', 'memory'] as const)).map((store) =>
        experiment({ subscribers, store }, mode),
      ),
    ),
};

function experiment(variant: Variant, mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P07',
    variant: { subscribers: variant.subscribers, bytes, store: variant.store },
    ...{ unit: 'ms', better: 'lower', subject: 'corral-sse', peer: 'raw-fastify-sse', feels: 'noise' },
    goals: [
      { stat: 'p50', max: 1.3, level: 'lead' },
      { stat: 'p99', max: 1.5, level: 'lead' },
    ],
    rounds: { warmUp: 1, min: 5, max: quick ? 20 : 60, capMs: quick ? 16_000 : 600_000 },
    open: () => openPair(variant, quick ? 60 : Math.max(200, 2_000 / variant.subscribers)),
  };
}

function openPair({ subscribers, store }: Variant, events: number): Promise<Pair> {
  return openFanOut({
    ...{ events, emission: { everyMs, bytes }, arrivalMs, argument: { store } },
    subject: { program: 'corral-fanout' },
    peer: { program: 'raw-sse', path: '/events' },
    openReaders: (url) => subscribing(url, subscribers),
  });
}
