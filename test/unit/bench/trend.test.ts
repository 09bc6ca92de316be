import { expect, test } from 'vitest';
import { trendOf } from '../../../bench/lib/trend.ts';

const minutes = (count: number, value: (n: number) => number) =>
  Array.from({ length: count }, (_, n) => ({ atMs: n * 60_000, value: value(n) }));

test('a value that grows by one a minute has a certain trend of sixty an hour', () => {
  const { perHour, interval } = trendOf(minutes(60, (n) => 100 + n + (n % 3)));
  expect(perHour).toBeCloseTo(60, 0);
  expect(interval[0]).toBeGreaterThan(50);
});

test('a value that only goes up and down has no certain growth', () => {
  const { interval } = trendOf(minutes(60, (n) => 100 + ((n * 7) % 11)));
  expect(interval[0]).toBeLessThan(0);
  expect(interval[1]).toBeGreaterThan(0);
});
