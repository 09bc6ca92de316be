import { type Child, startChild } from '../lib/child-process.ts';
import { openFanOut, type Readers } from '../lib/fan-out.ts';
import { freshFolder } from '../lib/folder.ts';
import { type Experiment, type Mode, nothingMissing, type Pair, type Row } from '../lib/measure.ts';
import type { Footprint } from '../lib/memory.ts';
import { slowReader } from '../lib/slow-reader.ts';
import { subscribing } from '../lib/subscribers.ts';
import { budget } from './P26.ts';

// One reader of 1 KiB a second among 99 others. `latency`: that of the others, next to a server whose 99 readers are
// alone. `memory`: what one slow reader holds in the server while 8 of them have not read 20 MiB.

const others = 99;
const bytes = 4_096;
const everyMs = 20;
const arrivalMs = 5_000;
const slow = 8;
const budgetMiB = 4;

export const P10: Row = {
  id: 'P10',
  title: 'one slow reader among a hundred',
  missing: nothingMissing,
  experiments: (mode) => [latency(mode), memory()],
};
const base = { id: 'P10', better: 'lower', subject: 'corral-sse' } as const;

function latency(mode: Mode): Experiment {
  const quick = mode === 'quick';
  return {
    ...{ ...base, variant: { of: 'latency', others, bytes }, unit: 'ms', peer: 'without-the-slow-reader' },
    feels: 'noise',
    goals: [{ stat: 'p99', max: 1.2, level: 'lead' }],
    rounds: { warmUp: 4, min: 6, max: quick ? 10 : 60, capMs: quick ? 24_000 : 300_000 },
    open: () => openLatency(quick ? 50 : 200),
  };
}

function openLatency(events: number): Promise<Pair> {
  return openFanOut({
    ...{ events, emission: { everyMs, bytes }, arrivalMs, argument: { store: 'memory' } },
    subject: { program: 'corral-fanout' },
    peer: { program: 'corral-fanout' },
    openReaders: async (url, side) => (side === 'peer' ? subscribing(url, others) : besideASlowOne(url)),
  });
}

async function besideASlowOne(url: string): Promise<Readers> {
  using stack = new DisposableStack();
  const one = stack.use(await slowReader(url));
  const readers = stack.use(await subscribing(url, others));
  const held = stack.move();
  void one;
  return { ...readers, [Symbol.dispose]: () => held.dispose() };
}

function memory(): Experiment {
  return {
    ...{ ...base, variant: { of: 'memory', slow, unread: '20 MiB' }, unit: 'MiB', peer: `budget of ${budgetMiB} MiB` },
    feels: 'nothing',
    goals: [{ stat: 'p50', max: 1, level: 'lead' }],
    rounds: { warmUp: 0, min: 3, max: 3, capMs: 120_000 },
    open: async () => {
      await using stack = new AsyncDisposableStack();
      const [slowed, plain] = [stack.use(await serving()), stack.use(await serving())];
      for (let n = 0; n < slow; n++) stack.use(await slowReader(slowed.url));
      const held = stack.move();
      const subject = async () => {
        const [more, less] = [await slowed.held(), await plain.held()];
        return { samples: [Math.max(0, more - less) / slow] };
      };
      return { ...budget(budgetMiB), subject, [Symbol.asyncDispose]: () => held.disposeAsync() };
    },
  };
}

const [eventBytes, count, restMs] = [16_384, 1_280, 400];

/** A server that emits 20 MiB, once for each measurement. */
async function serving(): Promise<{ url: string; held(): Promise<number> } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack();
  const { path: dataDir } = stack.use(await freshFolder());
  const child: Child = stack.use(await startChild('corral-fanout', { dataDir, store: 'full' }, ['--expose-gc']));
  const url = await child.call<string>('listen');
  let first = 1;
  const held = stack.move();
  return {
    url,
    async held() {
      await child.call('emit', { first, count, bytes: eventBytes });
      first += count;
      const { heapKiB, externalKiB } = await child.call<Footprint>('footprint', restMs);
      return (heapKiB + externalKiB) / 1_024;
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
