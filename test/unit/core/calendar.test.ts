import { expect, test } from 'vitest';
import { createCalendar, isTimeZone } from '../../../src/core/contracts/calendar.ts';

const at = (text: string) => Date.parse(text);
const iso = (ms: number) => new Date(ms).toISOString().slice(0, 16);

// zone, a time in UTC, its day, the start of the day and of the month in UTC
test.each([
  ['UTC', '2026-11-27T23:59', '2026-11-27', '2026-11-27T00:00', '2026-11-01T00:00'],
  ['America/New_York', '2026-12-01T04:59', '2026-11-30', '2026-11-30T05:00', '2026-11-01T04:00'],
  ['Asia/Kolkata', '2026-11-30T18:30', '2026-12-01', '2026-11-30T18:30', '2026-11-30T18:30'],
  ['Pacific/Kiritimati', '2026-12-31T10:00', '2027-01-01', '2026-12-31T10:00', '2026-12-31T10:00'],
  ['Pacific/Pago_Pago', '2027-01-01T10:59', '2026-12-31', '2026-12-31T11:00', '2026-12-01T11:00'],
  // A day of 23 hours, one of 25, one that begins at one o'clock, and one with two midnights.
  ['Europe/Berlin', '2026-03-29T21:59', '2026-03-29', '2026-03-28T23:00', '2026-02-28T23:00'],
  ['Europe/Berlin', '2026-10-25T22:59', '2026-10-25', '2026-10-24T22:00', '2026-09-30T22:00'],
  ['Africa/Cairo', '2026-04-24T12:00', '2026-04-24', '2026-04-23T22:00', '2026-03-31T22:00'],
  ['America/Havana', '2026-11-01T05:30', '2026-11-01', '2026-11-01T04:00', '2026-11-01T04:00'],
])(
  'in %s the time %sZ is on %s, which began at %sZ, in the month that began at %sZ',
  (zone, time, day, from, month) => {
    const calendar = createCalendar(zone);
    const starts = calendar.startsAt(at(`${time}Z`));
    expect(calendar.keysAt(at(`${time}Z`))).toEqual({ day, month: day.slice(0, 7) });
    expect([iso(starts.day), iso(starts.month)]).toEqual([from, month]);
  },
);

test.each(['UTC', 'Europe/Berlin', 'America/St_Johns', 'Africa/Cairo', 'America/Santiago', 'Asia/Beirut'])(
  'in each hour of a year %s has days that follow each other, and each begins where the one before it ends',
  (zone) => {
    const calendar = createCalendar(zone);
    const days: string[] = [];
    for (let ms = at('2026-01-01T12:00Z'); ms < at('2027-01-01T12:00Z'); ms += 3_600_000) {
      const { day } = calendar.keysAt(ms);
      if (day === days.at(-1)) continue;
      days.push(day);
      const from = calendar.startsAt(ms).day;
      expect([calendar.keysAt(from - 1).day < day, calendar.keysAt(from).day]).toEqual([true, day]);
    }
    expect([days.length, days.toSorted()]).toEqual([366, days]);
  },
);

test('only names are time zones', () => {
  const names = ['Europe/Berlin', 'UTC', '+01:00', 'Berlin', '', 'Mars/Olympus'];
  expect(names.filter(isTimeZone)).toEqual(['Europe/Berlin', 'UTC']);
});
