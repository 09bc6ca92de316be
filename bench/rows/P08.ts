import { openFanOut } from '../lib/fan-out.ts';
import { listening } from '../lib/listeners.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row } from '../lib/measure.ts';
import { sseFraming } from '../lib/sse-frames.ts';

// The maximum throughput of a fan-out over SSE: from the command to emit to the last event at the last of 100 listeners,
// which run in this process. Neither side stores anything, because the disk would hide the cost of a delivery.

const subscribers = 100;
const bytes = 300;
const arrivalMs = 30_000;

export const P08: Row = {
  id: 'P08',
  title: 'fan-out over SSE, deliveries/s at 100',
  missing: nothingMissing,
  experiments: (mode) => [experiment(mode)],
};

function experiment(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    id: 'P08',
    variant: { subscribers, bytes, store: 'memory' },
    ...{ unit: 'deliveries/s', better: 'higher', subject: 'corral-sse', peer: 'raw-fastify-sse', feels: 'noise' },
    goals: [{ stat: 'p50', min: 0.6, level: 'lead' }],
    rounds: { warmUp: 2, min: 6, max: quick ? 10 : 40, capMs: quick ? 14_000 : 300_000 },
    open: () => openPair(quick ? 400 : 1_500),
  };
}

function openPair(events: number): Promise<Pair> {
  return openFanOut({
    ...{ events, emission: { bytes }, arrivalMs, argument: { store: 'memory' } },
    openReaders: (url) => listening(url, sseFraming, subscribers),
    subject: { program: 'corral-fanout' },
    peer: { program: 'raw-sse', path: '/events' },
  });
}
