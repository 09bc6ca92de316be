import { expect, test } from 'vitest';
import {
  bootstrapInterval,
  median,
  quantile,
  seeded,
  shuffled,
  summary,
} from '../../../bench/lib/measure/statistics.ts';

const oneToHundred = Array.from({ length: 100 }, (_, n) => n + 1);

test('a quantile is a value that was measured', () => {
  expect(quantile([10, 20, 30, 40], 0.5)).toBe(20);
  expect(quantile([10, 20, 30, 40], 0.51)).toBe(30);
  expect(quantile([10], 0.99)).toBe(10);
  expect(quantile([], 0.5)).toBeNaN();
});

test('the median of an even number of values lies between the two in the middle', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([10, 2, 9])).toBe(9);
});

test('a summary says the usual percentiles, the largest, and how many there were', () =>
  expect(summary(oneToHundred.toReversed())).toEqual({ p50: 50, p95: 95, p99: 99, max: 100, n: 100 }));

test('values that are all the same leave no doubt', () =>
  expect(bootstrapInterval([2, 2, 2, 2], seeded(1))).toEqual([2, 2]));

test('the same seed gives the same results, and another seed gives different ones', () => {
  expect(bootstrapInterval(oneToHundred, seeded(3))).toEqual(bootstrapInterval(oneToHundred, seeded(3)));
  expect(shuffled(oneToHundred, seeded(1))).not.toEqual(shuffled(oneToHundred, seeded(2)));
  expect(shuffled(oneToHundred, seeded(1)).toSorted((a, b) => a - b)).toEqual(oneToHundred);
});
