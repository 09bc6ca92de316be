import { expect, test, vi } from 'vitest';
import { z } from 'zod';
import { AppError } from '../../../src/core/errors/errors.ts';
import { Collection, changeRecord, createRecordSweep, maxSweepBatch } from '../../../src/storage/collection.ts';
import { createInMemoryStore } from '../../../src/storage/memory/store.ts';

const Thing = z.object({
  id: z.string(),
  owner: z.string().optional(),
  at: z.number(),
  tags: z.array(z.string()).default([]),
});
const missing = () => new AppError('not_found', 'There is no such thing.');
const rules = { kind: 'thing', schema: Thing, sortOf: ({ at }: z.output<typeof Thing>) => at, missing };
const quota = { most: 10, text: 'There are 10 already.', now: 1_000 };

/** The collections of several servers on one store. */
function servers(count: number) {
  const { records } = createInMemoryStore({ shared: true });
  return { records, all: Array.from({ length: count }, () => new Collection(records, rules)) };
}
const ofAnn = (n: number) => ({ id: `t${n}`, owner: 'ann', at: n, tags: [] });

test('a quota holds to the last place for creations at several servers at the same time', async () => {
  const { all, records } = servers(3);
  const tries = Array.from({ length: 30 }, (_, n) => all[n % 3]?.create(ofAnn(n), quota));
  const ends = await Promise.allSettled(tries);
  expect(await records.count('thing', { owner: 'ann' })).toBe(10);
  expect(ends.filter(({ status }) => status === 'fulfilled')).toHaveLength(10);
  const [first] = await records.list('thing', { owner: 'ann', limit: 1 });
  await all[0]?.delete(first?.id ?? '');
  await all[1]?.create(ofAnn(40), quota);
  await expect(all[2]?.create(ofAnn(41), quota)).rejects.toMatchObject({ code: 'quota' });
  await all[2]?.create({ ...ofAnn(42), owner: 'bob' }, quota);
});

test('a creation that fails, or whose server dies, keeps no place for good', async () => {
  const { all, records } = servers(1);
  for (let n = 0; n < 9; n++) await all[0]?.create(ofAnn(n), quota);
  await expect(all[0]?.create(ofAnn(3), quota)).rejects.toMatchObject({ code: 'conflict' });
  await records.put({ kind: 'quota', id: 'quota:thing:ann', doc: { died: 1_000 } });
  await expect(all[0]?.create(ofAnn(10), quota)).rejects.toMatchObject({ code: 'quota' });
  await all[0]?.create(ofAnn(10), { ...quota, now: 62_000 });
});

test('a creation counts what its owner has by an index, however much others have', async () => {
  const { all, records } = servers(1);
  for (let n = 0; n < 20; n++)
    await records.put({ kind: 'thing', id: `o${n}`, doc: { id: `o${n}`, owner: `o${n}`, at: n } });
  const lists = vi.spyOn(records, 'list');
  await all[0]?.create(ofAnn(1), quota);
  expect(lists).not.toHaveBeenCalled();
});

test('a rule over all that an owner has holds for creations and changes at several servers at the same time', async () => {
  const { all, records } = servers(3);
  const put = (doc: z.output<typeof Thing>) => records.put({ kind: 'thing', id: doc.id, doc });
  /** At most 100 together, and each exists once. */
  const store = (n: number, at: number, id = `t${n}`) => {
    const admit = (others: readonly z.output<typeof Thing>[]) => {
      if (others.reduce((sum, one) => sum + one.at, at) > 100) throw new AppError('quota', 'No room.');
    };
    const doc = { ...ofAnn(n), id, at };
    return all[n % 3]?.admitted({ admit, now: 1_000 }, doc, () => put(doc));
  };
  const sum = async () => (await all[0]?.list({ owner: 'ann' }))?.reduce((total, { at }) => total + at, 0);
  await Promise.allSettled(Array.from({ length: 9 }, (_, n) => store(n, 30)));
  expect(await sum()).toBe(90);
  const [{ id = '' } = {}] = (await all[0]?.list({ owner: 'ann' })) ?? [];
  await expect(store(10, 41, id)).rejects.toMatchObject({ code: 'quota' });
  await store(10, 40, id);
  expect([await sum(), (await records.get('quota', 'quota:thing:ann'))?.doc]).toEqual([100, {}]);
});

test('changes at several servers lose nothing, and a change of a document that is gone is refused', async () => {
  const { all } = servers(4);
  await all[0]?.create(ofAnn(1));
  const add = (n: number) => all[n % 4]?.change('t1', (now) => ({ ...now, tags: [...now.tags, `${n}`] }));
  await Promise.all(Array.from({ length: 20 }, (_, n) => add(n)));
  expect((await all[0]?.get('t1'))?.tags.toSorted()).toEqual(Array.from({ length: 20 }, (_, n) => `${n}`).toSorted());
  await expect(all[0]?.change('t2', (now) => now)).rejects.toMatchObject({ code: 'not_found' });
});

test('a change that stores nothing writes nothing, and a taken name ends the tries', async () => {
  const { records } = createInMemoryStore();
  const skill = (id: string, name: string) =>
    records.put({ kind: 'skill', id, doc: { name, owner: 'ann' }, expect: 0 });
  await Promise.all([skill('a', 'one'), skill('b', 'two')]);
  expect(await changeRecord(records, { kind: 'skill', id: 'a' }, () => undefined)).toBeUndefined();
  const rename = changeRecord(records, { kind: 'skill', id: 'a' }, () => ({ doc: { name: 'two', owner: 'ann' } }));
  await expect(rename).rejects.toMatchObject({ code: 'conflict' });
});

test('rounds over a kind read a part each, whatever is added and deleted in the meantime, and begin again', async () => {
  const { records } = createInMemoryStore();
  const put = (n: number) => records.put({ kind: 'k', id: `${n}`.padStart(4, '0'), doc: {} });
  for (let n = 0; n < 2 * maxSweepBatch + 5; n++) await put(n);
  const next = createRecordSweep(records, 'k', ({ id }) => ({ id, sort: 0 }));
  const round = async () => (await next()).map(({ id }) => Number(id));
  const first = await round();
  for (const n of first) await records.delete('k', `${n}`.padStart(4, '0'));
  await put(0);
  const rounds = [first, await round(), await round()];
  expect(rounds.map(({ length }) => length)).toEqual([maxSweepBatch, maxSweepBatch, 5]);
  expect(rounds.flat()).toEqual(Array.from({ length: 2 * maxSweepBatch + 5 }, (_, n) => n));
  expect((await round())[0]).toBe(0);
});
