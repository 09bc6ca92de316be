import { expect, test } from 'vitest';
import { findTimeZone, listTimeZones } from '../../../../src/web/automations/times.ts';

test.each([
  ['Europe/Berlin', 'Europe/Berlin'],
  [' europe/berlin ', 'Europe/Berlin'],
  ['Berlin', 'Europe/Berlin'],
  ['new york', 'America/New_York'],
  ['utc', 'UTC'],
  ['GMT', 'UTC'],
  ['E', undefined],
  ['Europe', undefined],
  ['Europe/', undefined],
  ['', undefined],
  ['Nowhere/Berlin', undefined],
])('the time zone that %j means is %j', (text, zone) => expect(findTimeZone(text)).toBe(zone));

test('each beginning of the name of a zone that is typed is a zone or none, and is never an error', () => {
  const name = 'America/New_York';
  const typed = [...name].map((_, at) => findTimeZone(name.slice(0, at + 1)));
  expect(typed.filter((zone) => zone !== undefined && !listTimeZones().includes(zone))).toEqual([]);
  expect(typed.at(-1)).toBe(name);
});
