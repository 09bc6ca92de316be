import { openFanOut } from '../lib/fan-out.ts';
import { listening } from '../lib/listeners.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row } from '../lib/measure.ts';
import { webSocketFraming } from '../lib/ws-frames.ts';

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
    ...{ events, emission: { bytes }, arrivalMs },
    openReaders: (url) => listening(url, webSocketFraming, subscribers),
    subject: { program: 'corral-sockets' },
    peer: { program: 'raw-ws' },
  });
}
