import { describe, expect, test } from 'vitest';
import type { TurnOutcome } from '../../../../src/agents/models/model.ts';
import { computeRetryDelayMs } from '../../../../src/agents/models/retry.ts';
import { parseRetryAfter } from '../../../../src/core/errors/retry-after.ts';

const failed = (retryable: boolean, retryAfterMs?: number): TurnOutcome => ({
  kind: 'failed',
  code: 'model_overloaded',
  message: 'busy',
  retryable,
  ...(retryAfterMs !== undefined && { retryAfterMs }),
});
const now = Date.parse('2026-01-01T00:00:00Z');

describe('F075 a provider that asks for patience', () => {
  test.each([
    ['7', 7_000],
    [' 0 ', 0],
    ['Thu, 01 Jan 2026 00:00:30 GMT', 30_000],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['soon', undefined],
    ['-1', undefined],
    [undefined, undefined],
  ])('says so with Retry-After: %s', (header, ms) => expect(parseRetryAfter(header, now)).toBe(ms));

  test('waits at least that time, and some more that is not the same for all', () => {
    expect(computeRetryDelayMs(failed(true, 3_000), 1, () => 0)).toBe(3_000);
    expect(computeRetryDelayMs(failed(true, 3_000), 1, () => 1)).toBe(3_500);
  });

  test('is not waited for longer than a minute', () =>
    expect(computeRetryDelayMs(failed(true, 3_600_000), 1, () => 1)).toBe(60_000));
});

describe('F076 a provider that is in trouble', () => {
  test('is retried after twice the time, five times in all', () => {
    const delays = [1, 2, 3, 4, 5].map((attempt) => computeRetryDelayMs(failed(true), attempt, () => 1));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, undefined]);
  });

  test('is retried at moments that differ by half', () =>
    expect([0, 0.5, 1].map((random) => computeRetryDelayMs(failed(true), 3, () => random))).toEqual([
      2_000, 3_000, 4_000,
    ]));
});

test.each<TurnOutcome>([
  failed(false, 1_000),
  { kind: 'cancelled' },
  { kind: 'finished', stop: 'done', usage: { inputTokens: 1, outputTokens: 1 } },
])('F077 what a retry cannot fix is not retried: $kind', (outcome) =>
  expect(computeRetryDelayMs(outcome, 1, Math.random)).toBeUndefined(),
);
