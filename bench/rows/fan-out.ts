import type { Transport } from '../lib/calls/event-reader.ts';
import { openFanOut } from '../lib/calls/fan-out.ts';
import { type Experiment, type Mode, type Row, roundsWithin, timed } from '../lib/measure/measure.ts';

// A hundred readers of one session, in this process, each server in its own. `latency`: at 100 events a second, from
// the moment the server gets an event to the moment a reader has it; both sides store each event first. `ceiling`: from
// the command to emit to the last event at the last reader; neither side stores anything, because the disk would hide
// the cost of a delivery.

const readers = 100;
const bytes = 300;
const sides = {
  sse: { subject: 'corral-parts', peer: 'raw-sse' },
  websocket: { subject: 'corral-parts', peer: 'raw-ws' },
} as const;

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
  open: (stack) =>
    openFanOut(stack, {
      ...sides.sse,
      over: 'sse',
      readers,
      events: mode === 'quick' ? 60 : 200,
      emission: { everyMs: 10, bytes },
      arrivalMs: 5_000,
      store: 'full',
      samplesOf: (all) => all.flatMap(({ latencies }) => latencies),
    }),
});

const ceiling = (over: Transport, mode: Mode): Experiment => ({
  variant: { of: 'ceiling', over },
  unit: 'deliveries/s',
  better: 'higher',
  feels: 'noise',
  subject: 'corral',
  peer: sides[over].peer,
  goals: [{ stat: 'p50', min: 0.6 }],
  rounds: { ...roundsWithin(mode, 14_000), warmUp: 2 },
  open: (stack) =>
    openFanOut(stack, {
      ...sides[over],
      over,
      readers,
      events: mode === 'quick' ? 400 : 1_500,
      emission: { bytes },
      arrivalMs: 30_000,
      store: 'memory',
      samplesOf: (all, { count, from }) => [
        (count * readers * 1_000) / (Math.max(...all.map(({ heardAt }) => heardAt)) - from),
      ],
    }),
});
