import { startChild } from '../lib/child-process.ts';
import { freshFolder } from '../lib/folder.ts';
import type { Footprint } from '../lib/memory.ts';
import { atMost, type SeriesPlan } from '../lib/series.ts';

// The server after so many sessions have finished a run of 200 events and left memory.

const budgetKiB = 2;

export const idle: SeriesPlan = {
  ...{ id: 'idle', title: 'Sessions that have finished', along: 'sessions' },
  points: (mode) => (mode === 'quick' ? [1, 500, 1_000, 2_000] : [1, 1_000, 2_500, 5_000, 7_500, 10_000]),
  fitted: ['pssKiB', 'heapKiB'],
  rules: [
    atMost(
      `a session adds at most ${budgetKiB} KiB of heap`,
      budgetKiB,
      ({ fits }) => fits.heapKiB?.slope ?? Number.NaN,
    ),
    atMost('no file stays open for a session', 0, ({ y }) => (y.fds?.at(-1) ?? Number.NaN) - (y.fds?.[0] ?? 0)),
    atMost('no timer stays for a session', 0, ({ y }) => (y.timers?.at(-1) ?? Number.NaN) - (y.timers?.[0] ?? 0)),
  ],
  async open(mode) {
    await using stack = new AsyncDisposableStack();
    const { path: dataDir } = stack.use(await freshFolder());
    const child = stack.use(await startChild('corral-idle', { dataDir, state: 'finished' }, ['--expose-gc']));
    const restMs = mode === 'quick' ? 1_000 : 5_000;
    const held = stack.move();
    let there = 0;
    return {
      async at(sessions) {
        const count = sessions - there;
        there = sessions;
        const { pssKiB, heapKiB, fds, timers } = await child.call<Footprint>('grow', { count, restMs });
        return { pssKiB, heapKiB, fds, timers };
      },
      [Symbol.asyncDispose]: () => held.disposeAsync(),
    };
  },
};
