import { expect, test } from 'vitest';
import { LiveWindow } from '../../../src/storage/log/live-window.ts';
import { facts, newSession } from '../../support/stores/store.ts';

const sessionId = newSession();
const append = (after: number, count: number) => ({ sessionId, after, at: 1, facts: facts(count, after + 1) });
const kept = (window: LiveWindow) =>
  Array.from({ length: 40 }, (_, cursor) => window.after(cursor)[0]?.seq).filter(Boolean);

test('the window keeps the newest events and finds the one after a cursor', () => {
  const window = new LiveWindow({ events: 4, chars: 1_000 });
  expect([window.head, window.after(0)]).toEqual([undefined, []]);
  window.add(append(10, 3));
  window.add(append(13, 3));
  expect(kept(window)).toEqual([13, 14, 15, 16]);
  expect([window.head, window.after(16), window.after(14).map(({ seq }) => seq)]).toEqual([16, [], [15, 16]]);
  expect(window.after(12)[0]).toMatchObject({ seq: 13, sessionId, ts: 1, data: { title: 't13' } });
});

test('the window keeps at most its limit of text and drops an event longer than that', () => {
  const window = new LiveWindow({ events: 100, chars: 120 });
  for (let after = 0; after < 30; after++) window.add(append(after, 1));
  expect(kept(window).length).toBeGreaterThan(3);
  expect(kept(window).length).toBeLessThan(13);
  const long = { ...append(30, 1), facts: [{ type: 'title' as const, runId: null, data: { title: 'x'.repeat(500) } }] };
  window.add(long);
  expect([kept(window), window.head]).toEqual([[], 31]);
});

test('after an append that passed it by it starts again, without a hole', () => {
  const window = new LiveWindow({ events: 10, chars: 1_000 });
  window.add(append(0, 3));
  window.add(append(5, 2));
  expect(kept(window)).toEqual([6, 7]);
});

test('an append that comes late changes nothing', () => {
  const window = new LiveWindow({ events: 10, chars: 1_000 });
  window.add(append(5, 2));
  window.add(append(3, 2));
  expect([kept(window), window.head]).toEqual([[6, 7], 7]);
});
