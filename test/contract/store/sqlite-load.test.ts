import { readdirSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as breathe } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test, vi } from 'vitest';
import { armFailpoints } from '../../../src/core/errors/failpoint.ts';
import { openSqliteStore, type SqliteOptions } from '../../../src/storage/sqlite/store.ts';
import { databasePerTest } from '../../support/stores/database-per-test.ts';
import { facts, newSession, writer } from '../../support/stores/store.ts';

const database = databasePerTest();
/** A store whose commits take `ms` longer than usual; `more` arms further failpoints. */
async function openSlow(ms: number, options: Partial<SqliteOptions> = {}, more = '') {
  using _armed = armFailpoints(`store.commit.before=sleep(${ms})${more}`, { exit: () => {} });
  return await openSqliteStore({ path: database.path, ...options });
}

test('F069 while another program holds the write lock, appends fail with store_busy, reads and the event loop continue', async () => {
  await using store = await openSqliteStore({ path: database.path, busyTimeoutMs: 300 });
  const sessionId = newSession();
  const append = writer(store.events, sessionId);
  await append(facts(1));
  const intruder = new DatabaseSync(database.path);
  intruder.exec('BEGIN IMMEDIATE');
  let turns = 0;
  let waiting = true;
  const refused = append(facts(1)).catch((error) => {
    waiting = false;
    return error;
  });
  expect([(await store.events.page(sessionId, 0, 10)).head, waiting]).toEqual([1, true]);
  while (waiting) {
    await breathe();
    turns++;
  }
  expect(await refused).toMatchObject({ code: 'store_busy', retryable: true });
  expect(turns).toBeGreaterThan(0);
  intruder.exec('ROLLBACK');
  intruder.close();
  expect(await append(facts(1))).toBe(2);
});

test('the event loop does not wait for a long commit', async () => {
  await using store = await openSlow(300);
  let committed = false;
  const appended = writer(
    store.events,
    newSession(),
  )(facts(5_000)).finally(() => {
    committed = true;
  });
  await breathe(); // the caller itself converts the facts to text
  let turns = 0;
  for (; !committed; turns++) await breathe();
  expect(await appended).toBe(5_000);
  expect(turns).toBeGreaterThan(1);
});

test('requests of one turn of the loop go to the thread in one message, and are one commit', async () => {
  await using store = await openSqliteStore({ path: database.path });
  await store.records.put({ kind: 'project', id: 'p', doc: 1 });
  const sent = vi.spyOn(Worker.prototype, 'postMessage');
  onTestFinished(() => sent.mockRestore());
  const read = await Promise.all([store.records.get('project', 'p'), store.records.list('project')]);
  expect(read).toMatchObject([{ doc: 1 }, [{ doc: 1 }]]);
  expect(sent).toHaveBeenCalledTimes(1);
  await Promise.all(['q', 'r', 's'].map((id) => store.records.put({ kind: 'project', id, doc: 1 })));
  expect(sent).toHaveBeenCalledTimes(2);
});

test('the store commits the requests together that arrive during a commit', async () => {
  await using store = await openSlow(50, {}, ',store.commit.after=throw@40'); // the fortieth of a hundred would fail
  const heads = await Promise.all(Array.from({ length: 100 }, () => writer(store.events, newSession())(facts(1))));
  expect(heads).toEqual(Array(100).fill(1));
});

test.each([
  ['requests', { requests: 3, chars: 1_000_000 }],
  ['text', { requests: 1_000, chars: 150 }],
])('the queue is bounded in %s: beyond it an append is refused at once, and what waits is done', async (_, queue) => {
  await using store = await openSlow(100, { queue });
  const first = writer(store.events, newSession())(facts(1));
  await breathe(); // the append has started
  const requested = Array.from({ length: 6 }, () => writer(store.events, newSession())(facts(1)));
  const results = (await Promise.allSettled([first, ...requested])).map((it) =>
    it.status === 'rejected' ? it.reason.code : it.value,
  );
  const done = results.filter((it) => it === 1).length;
  expect(results).toEqual([...Array(done).fill(1), ...Array(7 - done).fill('store_busy')]);
  expect(done).toBeGreaterThan(1);
  expect(done).toBeLessThan(6);
  expect(await writer(store.events, newSession())(facts(1))).toBe(1); // the queue has room again
});

test('a page ends early where its text is very long, and the next one continues there', async () => {
  await using store = await openSqliteStore({ path: database.path });
  const sessionId = newSession();
  const long = { type: 'title' as const, runId: null, data: { title: 'x'.repeat(1_500_000) } };
  await writer(store.events, sessionId)([long, long, long, long]);
  const { events, head } = await store.events.page(sessionId, 0, 10);
  expect([events.length, head]).toEqual([3, 4]);
  expect((await store.events.page(sessionId, 3, 10)).events).toHaveLength(1);
});

test('closing waits for what is on its way and for what waits behind it, and what comes later is refused', async () => {
  const store = await openSlow(100);
  const sessionId = newSession();
  const first = store.events.append({ sessionId, after: 0, at: 1, facts: facts(1) });
  await breathe(); // the append has started
  const second = store.events.append({ sessionId, after: 1, at: 1, facts: facts(1) });
  const closing = store[Symbol.asyncDispose]();
  expect(await Promise.all([first, second])).toEqual([1, 2]);
  await closing;
  await expect(store.events.page(sessionId, 0, 1)).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(readdirSync(database.folder).sort()).toEqual(['corral.db', 'corral.db.lock']);
});

test('a caller can cancel its health check while the store is busy', async () => {
  await using store = await openSlow(300);
  const appended = writer(store.events, newSession())(facts(1));
  await expect(store.check(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
  const late = new AbortController();
  const checked = store.check(late.signal);
  late.abort(new DOMException('', 'TimeoutError'));
  await expect(checked).rejects.toMatchObject({ code: 'deadline_exceeded' });
  await appended;
});

test.each(['full', 'normal'] as const)(
  'with synchronous %s, an endless writer lets others run',
  async (synchronous) => {
    await using store = await openSqliteStore({ path: database.path, synchronous });
    const append = writer(store.events, newSession());
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    for (let n = 0; n < 1_000; n++) await append(facts(1));
    clearInterval(counting);
    expect(turns).toBeGreaterThan(3);
    expect((await store.events.page(newSession(), 0, 1)).head).toBe(0);
  },
);
