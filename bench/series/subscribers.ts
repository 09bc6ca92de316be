import { startChild } from '../lib/child-process.ts';
import type { Emitted } from '../lib/emit.ts';
import { freshFolder } from '../lib/folder.ts';
import type { Footprint } from '../lib/memory.ts';
import { atMost, type SeriesPlan } from '../lib/series.ts';
import { quantile } from '../lib/statistics.ts';
import { subscribing } from '../lib/subscribers.ts';

// Subscribers of one session: the latency of 100 events a second, and the memory of each subscriber while nothing
// happens. They run in this process, which competes with the server for the processors.

const [everyMs, bytes, restMs, arrivalMs] = [10, 300, 1_000, 10_000];
const most = 500;

export const subscribers: SeriesPlan = {
  ...{ id: 'subscribers', title: 'Subscribers of one session', along: 'subscribers' },
  points: () => [1, 10, 100, most],
  fitted: ['pssKiB'],
  rules: [atMost('an idle subscriber costs at most 32 KiB', 32, ({ fits }) => fits.pssKiB?.slope ?? Number.NaN)],
  async open(mode) {
    await using stack = new AsyncDisposableStack();
    const { path: dataDir } = stack.use(await freshFolder());
    const child = stack.use(await startChild('corral-fanout', { dataDir, store: 'memory' }, ['--expose-gc']));
    const url = await child.call<string>('listen');
    const held = stack.move();
    // The first connections grow the space for short-lived objects, which is not the memory of an idle subscriber.
    (await subscribing(url, most))[Symbol.dispose]();
    const count = mode === 'quick' ? 100 : 500;
    let first = 1;
    return {
      async at(many) {
        using readers = await subscribing(url, many);
        const { pssKiB } = await child.call<Footprint>('footprint', restMs);
        readers.reset();
        const { crc, cpuMs } = await child.call<Emitted>('emit', { first, count, everyMs, bytes });
        const until = performance.now() + arrivalMs;
        while (!readers.hasAll({ first, count }) && performance.now() < until)
          await new Promise((go) => setTimeout(go, 5));
        const { samples, correct } = readers.judge({ first, count, crc, from: 0 });
        first += count;
        const sorted = Float64Array.from(samples).sort();
        const wrong = correct.lost + correct.duplicated + correct.reordered;
        if (wrong > 0) throw new Error(`${wrong} events were lost, doubled or out of order`);
        return { p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), cpuMs, pssKiB };
      },
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  },
};
