import { join } from 'node:path';
import { expect, test } from 'vitest';
import { briefFirst } from '../../../../src/store/sqlite/brief-reads.ts';
import type { Channel } from '../../../../src/store/sqlite/channel.ts';
import type { Reads } from '../../../../src/store/sqlite/reads.ts';
import { sqliteStore } from '../../../../src/store/sqlite/store.ts';
import { temporaryFolder } from '../../../support/store.ts';

/** A store with so many records of the size, and its reads; `away` gets the names of those that the thread reads. */
async function reading(records: number, { bytes = 10, pending = 0 } = {}) {
  const stack = new AsyncDisposableStack();
  const { path: folder } = stack.use(temporaryFolder());
  const path = join(folder, 'corral.db');
  const store = stack.use(await sqliteStore({ path }));
  for (let n = 0; n < records; n++)
    await store.records.put({ kind: 'k', id: `r${n}`, doc: 'x'.repeat(bytes), sort: -n });
  const away: string[] = [];
  const thread: Channel<Reads> = {
    pending,
    call: async (name) => void away.push(name) as never,
    [Symbol.asyncDispose]: async () => {},
  };
  const reads = stack.use(briefFirst(thread, { path, synchronous: 'full', busyTimeoutMs: 0 }));
  return { reads, away, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test('a record, a count and a short list are read without the thread', async () => {
  await using at = await reading(3);
  expect(await at.reads.call('get', ['k', 'r1'])).toEqual(['r1', '"xxxxxxxxxx"', 1]);
  expect(await at.reads.call('count', ['k'])).toBe(3);
  expect((await at.reads.call('list', ['k', '', -1])).map(([id]) => id)).toEqual(['r0', 'r1', 'r2']);
  expect(at.away).toEqual([]);
});

test.each([
  ['many records', 40, 10],
  ['long records', 3, 200_000],
])('a list of %s goes to the thread', async (_, records, bytes) => {
  await using at = await reading(records, { bytes });
  await at.reads.call('list', ['k', '', -1]);
  expect(at.away).toEqual(['list']);
});

test('a short list by prefix is read without the thread, however many records the kind has', async () => {
  await using at = await reading(40);
  expect((await at.reads.call('list', ['k', 'r1', -1])).map(([id]) => id)).toEqual([
    ...['r1', 'r10', 'r11', 'r12', 'r13', 'r14', 'r15', 'r16', 'r17', 'r18', 'r19'],
  ]);
  await at.reads.call('list', ['k', 'r', -1]);
  expect(at.away).toEqual(['list']);
});

test('a page of events and a search go to the thread', async () => {
  await using at = await reading(1);
  await at.reads.call('page', ['s', 0, 10]);
  await at.reads.call('search', ['x', 10]);
  expect(at.away).toEqual(['page', 'search']);
});

test('a thread that has something to do reads everything', async () => {
  await using at = await reading(1, { pending: 1 });
  await at.reads.call('get', ['k', 'r0']);
  expect(at.away).toEqual(['get']);
});
