import { expect, test } from 'vitest';
import { atMost, fitOf, growth, measureSeries, type SeriesPlan } from '../../../bench/lib/measure/series.ts';
import { seriesTable } from '../../../bench/lib/report/table.ts';

const plan: SeriesPlan = {
  name: 'squares',
  title: 'Squares',
  along: 'sides',
  fitted: ['size'],
  points: () => [1, 2, 3],
  rules: [atMost('it does not grow', 1, ({ y }) => growth(y.area ?? []))],
  open: async () => async (side) => ({ size: 3 * side, area: side ** 2 }),
};
const never = new AbortController().signal;

test('a line through points on one line fits them entirely', () =>
  expect(fitOf([1, 2, 4], [5, 7, 11])).toEqual({ slope: 2, r2: 1 }));

test('points far from a line fit it badly', () => expect(fitOf([1, 2, 3, 4], [1, 9, 1, 9]).r2).toBeLessThan(0.5));

test('a series has each figure at each point, its fits, and its rules judged', async () => {
  const found = await measureSeries(plan, 'quick', never);
  expect(found).toMatchObject({
    x: [1, 2, 3],
    y: { size: [3, 6, 9], area: [1, 4, 9] },
    fits: { size: { slope: 3, r2: 1 } },
    rules: [{ says: 'it does not grow', isMet: false, found: '9.00' }],
  });
});

test('a series that is interrupted keeps the points that it has', async () => {
  const stop = new AbortController();
  const { x } = await measureSeries(
    {
      ...plan,
      rules: [],
      open: async () => async () => {
        stop.abort();
        return { size: 1 };
      },
    },
    'quick',
    stop.signal,
  );
  expect(x).toEqual([1]);
});

test('the table of a series has its points, then its rules', async () => {
  const table = seriesTable(await measureSeries(plan, 'quick', never));
  expect(table[0]).toEqual(['sides', 'size', 'area']);
  expect(table[1]).toEqual(['1', '3.00', '1.00']);
  expect(table.at(-1)).toEqual(['missed', 'it does not grow', '9.00']);
});
