import { expect, test } from 'vitest';
import { armFailpoints, failpointHits } from '../../../src/core/failpoint.ts';
import { sqliteStore } from '../../../src/store/sqlite/store.ts';
import { databasePerTest } from '../../support/database-per-test.ts';
import { facts, newSession, writer } from '../../support/store.ts';

const database = databasePerTest();
const arm = (spec: string) => armFailpoints(spec, { exit: () => {} });

test('a reader waits until a commit is on the disk', async () => {
  await using store = await sqliteStore({ path: database.path });
  const id = newSession();
  using _armed = arm('store.settle=sleep(150)');
  const appended = writer(store.events, id)(facts(1));
  const { head } = await store.events.page(id, 0, 10);
  expect(head).toBe(1);
  expect(await appended).toBe(1);
});

test('the worker thread commits the requests together that arrive during a sync to the disk', async () => {
  await using store = await sqliteStore({ path: database.path });
  using _armed = arm('store.settle=sleep(100)');
  const heads = await Promise.all(Array.from({ length: 200 }, () => writer(store.events, newSession())(facts(1))));
  expect(heads).toEqual(Array(200).fill(1));
  expect(failpointHits('store.settle')).toBeLessThan(20); // one commit each would be 200
});

test.each(['full', 'normal'] as const)(
  'with synchronous %s, a writer in an endless loop lets other tasks run',
  async (synchronous) => {
    await using store = await sqliteStore({ path: database.path, synchronous });
    const append = writer(store.events, newSession());
    let turns = 0;
    const counting = setInterval(() => turns++, 1);
    for (let n = 0; n < 1_000; n++) await append(facts(1));
    clearInterval(counting);
    expect(turns).toBeGreaterThan(3);
    expect((await store.events.page(newSession(), 0, 1)).head).toBe(0);
  },
);

test('F073 after the disk fails, the store refuses every write and does not try the disk again', async () => {
  await using store = await sqliteStore({ path: database.path });
  const id = newSession();
  {
    using _armed = arm('store.settle=throw');
    await expect(writer(store.events, id)(facts(1))).rejects.toThrow();
    await expect(writer(store.events, newSession())(facts(1))).rejects.toThrow();
    expect(failpointHits('store.settle')).toBe(1);
  }
  await expect(store.events.append({ sessionId: newSession(), after: 0, at: 1, facts: facts(1) })).rejects.toThrow();
  await expect(store.events.erase(id)).rejects.toThrow(); // the worker thread handles this call
});

test('a fence and a conflict are refused at once, and leave nothing', async () => {
  await using store = await sqliteStore({ path: database.path });
  const id = newSession();
  const wrong = { sessionId: id, after: 5, at: 1, facts: facts(1), puts: [{ kind: 'k', id, doc: 1 }] };
  await expect(store.events.append(wrong)).rejects.toMatchObject({ code: 'fenced' });
  expect(await store.records.get('k', id)).toBeUndefined();
  await expect(store.records.put({ kind: 'k', id, doc: 1, expect: 3 })).rejects.toMatchObject({ code: 'conflict' });
  expect((await store.events.page(id, 0, 1)).head).toBe(0);
});
