import { openFanOut } from '../lib/fan-out.ts';
import { listening } from '../lib/listeners.ts';
import { type Experiment, type Mode, type Row, roundsWithin, timed } from '../lib/measure.ts';
import { sseFraming } from '../lib/sse-frames.ts';
import { subscribing } from '../lib/subscribers.ts';
import { webSocketFraming } from '../lib/ws-frames.ts';

// A hundred readers of one session, in this process, each server in its own. `latency`: at 100 events a second, from
// the moment the server gets an event to the moment a reader has it; both sides store each event first. `ceiling`: from
// the command to emit to the last event at the last reader; neither side stores anything, because the disk would hide
// the cost of a delivery.

const readers = 100;
const bytes = 300;
const sides = {
  sse: { framing: sseFraming, subject: { program: 'corral-fanout' }, peer: { program: 'raw-sse', path: '/events' } },
  websocket: { framing: webSocketFraming, subject: { program: 'corral-sockets' }, peer: { program: 'raw-ws' } },
} as const;
type Over = keyof typeof sides;

export const fanOut: Row = {
  name: 'fan-out',
  title: '100 readers of one session: the latency at 100 events a second, and the ceiling',
  experiments: (mode) => [latency(mode), ceiling('sse', mode), ceiling('websocket', mode)],
};

const latency = (mode: Mode): Experiment => ({
  ...timed,
  variant: { of: 'latency', over: 'sse' },
  peer: 'raw-sse',
  goals: [{ stat: 'p99', max: 1.5 }],
  rounds: roundsWithin(mode, 16_000),
  open: () =>
    openFanOut({
      events: mode === 'quick' ? 60 : 200,
      emission: { everyMs: 10, bytes },
      arrivalMs: 5_000,
      argument: { store: 'full' },
      subject: sides.sse.subject,
      peer: sides.sse.peer,
      openReaders: (url) => subscribing(url, readers),
    }),
});

function ceiling(over: Over, mode: Mode): Experiment {
  const { framing, subject, peer } = sides[over];
  return {
    variant: { of: 'ceiling', over },
    unit: 'deliveries/s',
    better: 'higher',
    feels: 'noise',
    subject: 'corral',
    peer: peer.program,
    goals: [{ stat: 'p50', min: 0.6 }],
    rounds: { ...roundsWithin(mode, 14_000), warmUp: 2 },
    open: () =>
      openFanOut({
        events: mode === 'quick' ? 400 : 1_500,
        emission: { bytes },
        arrivalMs: 30_000,
        argument: { store: 'memory' },
        subject,
        peer,
        openReaders: (url) => listening(url, framing, readers),
      }),
  };
}
