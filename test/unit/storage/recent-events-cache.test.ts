import { expect, test } from 'vitest';
import type { EventStore } from '../../../src/core/contracts/ports.ts';
import type { SessionId } from '../../../src/core/model/ids.ts';
import { type RecentLimits, recentEvents } from '../../../src/storage/log/recent-events-cache.ts';
import { memoryStore } from '../../../src/storage/memory/store.ts';
import { facts, newSession } from '../../support/stores/store.ts';

const limits: RecentLimits = { logs: 3, chars: 10_000, eventsEach: 10, charsEach: 5_000 };

/** Counts the pages that reach the store itself. */
function opened(given: Partial<RecentLimits> = {}) {
  const { events } = memoryStore();
  const asked: [SessionId, number][] = [];
  const page: EventStore['page'] = (id, after, limit) => {
    asked.push([id, after]);
    return events.page(id, after, limit);
  };
  return { events, asked, recent: recentEvents({ ...events, page }, { ...limits, ...given }) };
}
const append = (to: EventStore, sessionId: SessionId, after: number, count: number) =>
  to.append({ sessionId, after, at: 1, facts: facts(count, after + 1) });
const seqs = async (of: EventStore, id: SessionId, after: number, limit = 100) =>
  (await of.page(id, after, limit)).events.map(({ seq }) => seq);

test('a log that was written here is read without the store', async () => {
  const { recent, events, asked } = opened();
  const id = newSession();
  await append(recent, id, 0, 3);
  await append(recent, id, 3, 2);
  expect(await recent.page(id, 1, 2)).toEqual(await events.page(id, 1, 2));
  expect(await recent.page(id, 9, 2)).toEqual({ events: [], head: 5, thinned: 0, trimmed: 0 });
  expect(asked).toEqual([]);
});

test('a log that was read to its end is read from the store once, and its events stay the same objects', async () => {
  const { recent, events, asked } = opened();
  const id = newSession();
  await append(events, id, 0, 4);
  const [first] = (await recent.page(id, 0, 100)).events;
  await append(recent, id, 4, 1);
  const again = await recent.page(id, 0, 100);
  expect(again.events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
  expect(again.events[0]).toBe(first);
  expect(asked).toEqual([[id, 0]]);
});

test('a page that ends before the log does is not taken for its end', async () => {
  const { recent, events } = opened();
  const id = newSession();
  await append(events, id, 0, 4);
  expect(await seqs(recent, id, 0, 2)).toEqual([1, 2]);
  expect(await seqs(recent, id, 0)).toEqual([1, 2, 3, 4]);
});

test('the cache keeps a limited number of events of a log and reads older ones from the store', async () => {
  const { recent, asked } = opened({ eventsEach: 4 });
  const id = newSession();
  await append(recent, id, 0, 9);
  expect(await seqs(recent, id, 5)).toEqual([6, 7, 8, 9]);
  expect(asked).toEqual([]);
  expect(await seqs(recent, id, 4)).toEqual([5, 6, 7, 8, 9]);
  expect(asked).toEqual([[id, 4]]);
});

test("an event longer than the cache's limit leaves only the head of its log in the cache", async () => {
  const { recent, events, asked } = opened({ charsEach: 100 });
  const id = newSession();
  const long = { type: 'title' as const, runId: null, data: { title: 'x'.repeat(500) } };
  await recent.append({ sessionId: id, after: 0, at: 1, facts: [long] });
  expect(await recent.page(id, 1, 5)).toMatchObject({ events: [], head: 1 });
  expect(asked).toEqual([]);
  expect(await recent.page(id, 0, 5)).toEqual(await events.page(id, 0, 5));
});

test('so many logs are kept, those used last', async () => {
  const { recent, asked } = opened();
  const [first, ...others] = [newSession(), newSession(), newSession(), newSession()] as const;
  await append(recent, first, 0, 1);
  for (const id of others.slice(0, 2)) await append(recent, id, 0, 1);
  await seqs(recent, first, 0);
  await append(recent, others[2] as SessionId, 0, 1);
  for (const id of [first, ...others.slice(1)]) await seqs(recent, id, 0);
  expect(asked).toEqual([]);
  await seqs(recent, others[0] as SessionId, 0);
  expect(asked).toEqual([[others[0], 0]]);
});

test('the cache limits the text of all logs together', async () => {
  const { recent, asked } = opened({ chars: 150 });
  const [first, second] = [newSession(), newSession()];
  await append(recent, first, 0, 5);
  await append(recent, second, 0, 5);
  await append(recent, second, 5, 5);
  await seqs(recent, first, 0);
  expect(asked).toEqual([[first, 0]]);
});

test('after a compaction and after an end the store is asked again', async () => {
  const { recent, events } = opened();
  const id = newSession();
  await append(recent, id, 0, 6);
  await recent.compact(id, { keepDroppable: 0, keepAll: 2 });
  expect(await recent.page(id, 0, 100)).toEqual(await events.page(id, 0, 100));
  expect(await seqs(recent, id, 0)).toEqual([5, 6]);
  await recent.erase(id);
  expect(await recent.page(id, 0, 100)).toMatchObject({ events: [], head: 0 });
});

test('a page that was read while something was written is not kept', async () => {
  const { events } = memoryStore();
  const held = Promise.withResolvers<void>();
  let isHeld = true;
  const page: EventStore['page'] = async (...given) => {
    const found = await events.page(...given);
    if (isHeld) await held.promise;
    return found;
  };
  const recent = recentEvents({ ...events, page }, limits);
  const id = newSession();
  await append(events, id, 0, 2);
  const old = recent.page(id, 0, 100);
  await append(recent, id, 2, 1);
  isHeld = false;
  held.resolve();
  expect((await old).head).toBe(2);
  expect(await seqs(recent, id, 0)).toEqual([1, 2, 3]);
});

test('after a failed append the cache reads the log from the store again', async () => {
  const { recent, events } = opened();
  const id = newSession();
  await append(recent, id, 0, 2);
  await append(events, id, 2, 1); // as another writer would
  await expect(append(recent, id, 2, 1)).rejects.toMatchObject({ code: 'fenced' });
  expect(await seqs(recent, id, 0)).toEqual([1, 2, 3]);
});
