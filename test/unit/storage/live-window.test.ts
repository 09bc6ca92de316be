import { expect, test } from 'vitest';
import { createEventLog, LiveEventWindow } from '../../../src/storage/log/log.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { facts, newSession } from '../../support/stores/store.ts';

const sessionId = newSession();
const append = (after: number, count: number) => ({ sessionId, after, at: 1, facts: facts(count, after + 1) });
const kept = (window: LiveEventWindow) =>
  Array.from({ length: 40 }, (_, cursor) => window.after(cursor)[0]?.seq).filter(Boolean);

test('the window keeps the newest events and finds the one after a cursor', () => {
  const window = new LiveEventWindow({ events: 4, chars: 1_000 });
  expect([window.head, window.after(0)]).toEqual([undefined, []]);
  window.add(append(10, 3));
  window.add(append(13, 3));
  expect(kept(window)).toEqual([13, 14, 15, 16]);
  expect([window.head, window.after(16), window.after(14).map(({ seq }) => seq)]).toEqual([16, [], [15, 16]]);
  expect(window.after(12)[0]).toMatchObject({ seq: 13, sessionId, ts: 1, data: { title: 't13' } });
});

test('the window keeps at most its limit of text and drops an event longer than that', () => {
  const window = new LiveEventWindow({ events: 100, chars: 120 });
  for (let after = 0; after < 30; after++) window.add(append(after, 1));
  expect(kept(window).length).toBeGreaterThan(3);
  expect(kept(window).length).toBeLessThan(13);
  const long = { ...append(30, 1), facts: [{ type: 'title' as const, runId: null, data: { title: 'x'.repeat(500) } }] };
  window.add(long);
  expect([kept(window), window.head]).toEqual([[], 31]);
});

test.each([
  ['after an append that passed it by starts again, without a hole', append(0, 3), append(5, 2)],
  ['is not changed by an append that comes late', append(5, 2), append(3, 2)],
])('the window %s', (_, ...appends) => {
  const window = new LiveEventWindow({ events: 10, chars: 1_000 });
  for (const one of appends) window.add(one);
  expect([kept(window), window.head]).toEqual([[6, 7], 7]);
});

test('a reader gets the last event of another server although the first read of it fails', async () => {
  const clock = manualClock();
  const end = new AbortController();
  const { events } = createInMemoryStore();
  const id = newSession();
  let failures = 0;
  const page: typeof events.page = (session, after, limit) => {
    if (after === 1 && failures++ === 0) return Promise.reject(new Error('the store is slow'));
    return events.page(session, after, limit);
  };
  const others = { clock, signal: end.signal, onGone: () => {}, warn: () => {} };
  const log = createEventLog({ ...events, page }, { maxLag: 100, pageSize: 100, others });
  await events.append({ sessionId: id, after: 0, at: 1, facts: facts(1) });
  const reader = log.follow(id, 0, { signal: end.signal, deltas: true })[Symbol.asyncIterator]();
  await reader.next();
  const next = reader.next();
  // The reader waits, and this server knows the head.
  await expect.poll(() => clock.pending()).toBe(1);

  await events.append({ sessionId: id, after: 1, at: 2, facts: facts(1) }); // by another server
  const received = next.then(({ value }) => value.events.map(({ seq }: { seq: number }) => seq));
  let isHeard = false;
  void received.then(() => {
    isHeard = true;
  });
  await expect
    .poll(() => {
      clock.advance(1_000);
      return isHeard;
    })
    .toBe(true);
  expect(await received).toEqual([2]);
  expect(failures).toBeGreaterThan(1);
  end.abort();
});
