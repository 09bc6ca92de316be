import { expect, test } from 'vitest';
import type { Session } from '../../../../src/client/types.ts';
import { filterSessions, toSessionListRows } from '../../../../src/web/sessions/groups.ts';

const session = (title: string, at: Date, more: Partial<Session> = {}) =>
  ({ id: title, title, latestMessageAt: at.toISOString(), pinned: false, archived: false, ...more }) as Session;
const words = { pinned: 'Pinned', today: 'Today', yesterday: 'Yesterday', date: (at: Date) => at.toDateString() };
const now = new Date(2026, 9, 25, 23, 30); // in Europe this day has 25 hours
const at = (day: number, month = 9, year = 2026) => new Date(year, month, day, 12);

function reported(sessions: readonly Session[], withArchive = false): string[] {
  return toSessionListRows({ sessions, withArchive, now: now.getTime() }, words).map((row) => {
    if (row.kind === 'session') return `- ${row.session.title}`;
    return row.kind === 'archive' ? `archive ${row.count}` : row.label;
  });
}

test('each day has one heading, and the newest days have names', () => {
  const sessions = [session('a', at(25)), session('b', at(24)), session('c', at(23)), session('d', at(23))];
  expect(reported(sessions)).toEqual(['Today', '- a', 'Yesterday', '- b', 'Fri Oct 23 2026', '- c', '- d']);
});

test('the same day of another year is another day', () =>
  expect(reported([session('new', at(23)), session('old', at(23, 9, 2020))])).toEqual([
    ...['Fri Oct 23 2026', '- new', 'Fri Oct 23 2020', '- old'],
  ]));

test('pinned sessions come first, and the archive last, where it is open', () => {
  const sessions = [
    session('a', at(25)),
    session('gone', at(24), { archived: true, pinned: true }),
    session('kept', at(1), { pinned: true }),
  ];
  expect(reported(sessions)).toEqual(['Pinned', '- kept', 'Today', '- a', 'archive 1']);
  expect(reported(sessions, true)).toEqual(['Pinned', '- kept', 'Today', '- a', 'archive 1', '- gone']);
});

test('a session of a sub-agent stands below the one that started it, unless that is not shown', () => {
  const child = (title: string, of: string, day: number) =>
    session(title, at(day), { parent: { sessionId: of } as NonNullable<Session['parent']> });
  const family = [child('child', 'a', 25), session('a', at(24)), child('grandchild', 'child', 23)];
  expect(reported(family)).toEqual(['Yesterday', '- a', '- child', '- grandchild']);
  expect(reported(family.slice(0, 1))).toEqual(['Today', '- child']);
});

test('a search finds each of its words in title, task or newest message, in any order', () => {
  const one = session('The okapi', at(25), { lastTask: 'Count them', latestMessage: 'There are SEVEN' });
  const texts = ['', 'okapi', 'seven count', 'okapi zebra'];
  expect(texts.map((search) => filterSessions([one], search, new Set()).length)).toEqual([1, 1, 1, 0]);
  expect(filterSessions([one], 'zebra', new Set([one.id]))).toEqual([one]); // the server found it
});
