import { describe, expect, test } from 'vitest';
import {
  computeStartJitterMs,
  findLatestDueTime,
  findNextDueTime,
  findNextDueTimes,
  parseCronRule,
} from '../../../src/automations/schedule.ts';

const at = (text: string) => Date.parse(text);
const timesAfter = (cron: string, timezone: string, from: string, count = 1) =>
  findNextDueTimes(parseCronRule({ cron, timezone }), at(from), count).map((time) => new Date(time).toISOString());

describe('the times of a schedule', () => {
  test('are those of the clock on the wall of its zone', () =>
    expect(timesAfter('0 9 * * 1-5', 'Europe/Berlin', '2026-10-23T12:00:00Z', 2)).toEqual([
      '2026-10-26T08:00:00.000Z', // the clocks were set back on the Sunday in between
      '2026-10-27T08:00:00.000Z',
    ]));

  test.each([
    ['Europe/Berlin', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00.000Z'],
    ['America/New_York', '2026-03-07T12:00:00Z', '2026-03-08T07:00:00.000Z'],
    ['Australia/Lord_Howe', '2026-10-03T05:00:00Z', '2026-10-03T15:30:00.000Z'],
  ])('a time that the clock skips in %s comes right after the gap', (zone, from, expected) =>
    expect(timesAfter('15 2 * * *', zone, from)).toEqual([expected]),
  );

  test('a time that the clock repeats comes once', () =>
    expect(timesAfter('30 2 * * *', 'Europe/Berlin', '2026-10-24T12:00:00Z', 2)).toEqual([
      '2026-10-25T00:30:00.000Z',
      '2026-10-26T01:30:00.000Z',
    ]));

  test('a time of a range of hours that the clock repeats comes once, too, and is not the latest that was missed', () => {
    expect(timesAfter('0 1-4 * * *', 'Europe/Berlin', '2026-10-24T22:30:00Z', 5)).toEqual([
      ...['2026-10-24T23:00:00.000Z', '2026-10-25T00:00:00.000Z', '2026-10-25T02:00:00.000Z'],
      ...['2026-10-25T03:00:00.000Z', '2026-10-26T00:00:00.000Z'],
    ]);
    const rule = parseCronRule({ cron: '0 1-4 * * *', timezone: 'Europe/Berlin' });
    const [from, now] = [at('2026-10-24T23:00:00Z'), at('2026-10-25T01:05:00Z')];
    expect(findLatestDueTime(rule, from, now)).toBe(at('2026-10-25T00:00:00Z'));
  });

  test('every hour is every hour, also when the clock repeats one', () =>
    expect(timesAfter('0 * * * *', 'Europe/Berlin', '2026-10-24T23:30:00Z', 3)).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T02:00:00.000Z',
    ]));

  test('the 29th of February comes in leap years', () =>
    expect(timesAfter('0 0 29 2 *', 'UTC', '2026-01-01T00:00:00Z')).toEqual(['2028-02-29T00:00:00.000Z']));

  test('of many that were missed the latest counts', () => {
    const rule = parseCronRule({ cron: '*/5 * * * *', timezone: 'UTC' });
    expect(findLatestDueTime(rule, at('2026-01-01T00:05:00Z'), at('2026-01-03T10:13:00Z'))).toBe(
      at('2026-01-03T10:10:00Z'),
    );
    expect(findLatestDueTime(rule, at('2026-01-01T00:05:00Z'), at('2026-01-01T00:05:00Z'))).toBe(
      at('2026-01-01T00:05:00Z'),
    );
    expect(findLatestDueTime(rule, at('2026-01-01T00:05:00Z'), at('2026-01-01T00:07:00Z'))).toBe(
      at('2026-01-01T00:05:00Z'),
    );
    expect(findNextDueTime(rule, at('2026-01-01T00:05:00Z'))).toBe(at('2026-01-01T00:10:00Z'));
  });
});

test.each(['Europe/Nowhere', '', '+01:00'])('the time zone %j is refused', (timezone) =>
  expect(() => parseCronRule({ cron: '* * * * *', timezone })).toThrow(/There is no time zone/),
);

test('jitter is within its bound, differs between automations, and is the same at each look', () => {
  const all = Array.from({ length: 50 }, (_, index) => computeStartJitterMs(`a${index}`, 1_000, { jitterSeconds: 60 }));
  expect(all.every((ms) => ms >= 0 && ms < 60_000)).toBe(true);
  expect(new Set(all).size).toBeGreaterThan(40);
  expect(computeStartJitterMs('a0', 1_000, { jitterSeconds: 60 })).toBe(all[0]);
  expect(computeStartJitterMs('a0', 1_000, { jitterSeconds: 0 })).toBe(0);
});
