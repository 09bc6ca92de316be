import { expect, test } from 'vitest';
import { judge, verdictOf } from '../../../bench/lib/measure/verdict.ts';

const calm = { valid: 10, voided: 0, needed: 4 };
const restless = { valid: 6, voided: 4, needed: 4 };

test.each([
  ['pass', [0.9, 1.25], { max: 1.25 }],
  ['fail', [1.26, 2], { max: 1.25 }],
  ['unclear', [1.2, 1.3], { max: 1.25 }],
  ['pass', [0.5, 0.9], { min: 0.5 }],
  ['fail', [0.3, 0.49], { min: 0.5 }],
  ['unclear', [0.4, 0.6], { min: 0.5 }],
] as const)('it is a %s where the interval is %j and the target %j', (verdict, interval, bound) => {
  expect(judge(interval, bound)).toBe(verdict);
  expect(verdictOf(interval, bound, calm)).toBe(verdict);
});

test('a metric with more than 30 % void rounds is noisy, not failed or undecided', () => {
  expect(verdictOf([2, 3], { max: 1 }, restless)).toBe('noisy');
  expect(verdictOf([0.5, 3], { max: 1 }, restless)).toBe('noisy');
  expect(verdictOf([2, 3], { max: 1 }, { valid: 7, voided: 3, needed: 4 })).toBe('fail');
});

test('a metric within its target is noisy on a noisy machine, not passed', () =>
  expect(verdictOf([0.1, 0.2], { max: 1 }, restless)).toBe('noisy'));

test('too few rounds that count are no pass, however good they look', () => {
  expect(verdictOf([0.1, 0.2], { max: 1 }, { valid: 3, voided: 1, needed: 4 })).toBe('noisy');
  expect(verdictOf([0.1, 0.2], { max: 1 }, { valid: 3, voided: 0, needed: 4 })).toBe('unclear');
});
