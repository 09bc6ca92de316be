import { expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { withReadCache } from '../../../src/storage/kept-reads.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';

const session = SessionId.parse('00000000000000aa');
const kind = 'child';
const record = { kind, id: `${session}:one`, doc: { n: 1 } };

function bench(more: { readonly shared?: boolean } = {}) {
  const store = { ...createInMemoryStore(), ...more };
  let reads = 0;
  const { records } = store;
  const counted = {
    ...store,
    records: {
      ...records,
      list: (...args: Parameters<typeof records.list>) => {
        reads++;
        return records.list(...args);
      },
    },
  };
  const it = withReadCache(counted);
  const ids = async (of = kind) => (await it.records.list(of, { idPrefix: `${session}:` })).map(({ id }) => id);
  return { it, ids, reads: () => reads };
}

const changes: readonly (readonly [string, (it: ReturnType<typeof bench>['it']) => Promise<unknown>, string[]])[] = [
  ['a put', (it) => it.records.put({ ...record, id: `${session}:two` }), [`${session}:one`, `${session}:two`]],
  ['a deletion', (it) => it.records.delete(kind, record.id), []],
  ['the end of its session', (it) => it.events.erase(session), []],
  [
    'an append with records',
    (it) =>
      it.events.append({ sessionId: session, after: 0, at: 1, facts: [], puts: [{ ...record, id: `${session}:x` }] }),
    [`${session}:one`, `${session}:x`],
  ],
];

test.each(changes)('a kept list is read once, and again after %s', async (_, change, after) => {
  const { it, ids, reads } = bench();
  await it.records.put(record);
  for (let n = 0; n < 5; n++) expect(await ids()).toEqual([record.id]);
  expect(reads()).toBe(1);
  const early = change(it);
  const during = ids(); // this read can come before the change
  await early;
  await during;
  expect(await ids()).toEqual(after);
});

test.each([
  ['a list of another kind', {}, 'transcript'],
  ['a store that other servers write', { shared: true }, kind],
] as const)('%s is always read', async (_, more, of) => {
  const { ids, reads } = bench(more);
  for (let n = 0; n < 3; n++) await ids(of);
  expect(reads()).toBe(3);
});
