import { expect, test } from 'vitest';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import { createMemoryStoreService } from '../../../../src/sessions/memory/stores.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';

async function world() {
  const { records } = createInMemoryStore();
  let at = 0;
  const clock = { now: () => ++at } as never;
  const service = () => createMemoryStoreService({ records, clock, ids: createIdSource() });
  const [stores, elsewhere] = [service(), service()];
  const { id } = await stores.create({ name: 'Notes', description: '', metadata: {}, owner: 'ann' });
  return { records, stores, elsewhere, id };
}
test('of writes of two servers at once none is lost, and one alone gets a path', async () => {
  const { stores, elsewhere, id } = await world();
  const both = [stores, elsewhere];
  const writes = Array.from({ length: 20 }, (_, n) => both[n % 2]?.addMemory(id, { path: `/${n}.md`, text: `${n}` }));
  await Promise.all(writes);
  expect(await stores.memories(id)).toHaveLength(20);
  const same = await Promise.allSettled(both.map((one) => one.addMemory(id, { path: '/same.md', text: 'x' })));
  expect(same.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  expect(same.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict' } });
});

test('the oldest versions of a memory go, with their texts', async () => {
  const { records, stores, id } = await world();
  const { id: memory } = await stores.addMemory(id, { path: '/a.md', text: '0' });
  for (let n = 1; n <= 30; n++) await stores.changeMemory(id, memory, { text: `${n}` });
  const versions = await stores.versions(id, memory);
  expect([versions.length, (await stores.version(id, versions[0]?.id ?? '')).text]).toEqual([20, '30']);
  expect((await stores.version(id, versions[19]?.id ?? '')).text).toBe('11');
  expect(await records.list('memory-store-text')).toHaveLength(20);
});

test('a redacted text is nowhere in the store, and neither is anything of a deleted store', async () => {
  const { records, stores, id } = await world();
  const { id: memory, version } = await stores.addMemory(id, { path: '/secret-path.md', text: 'secret text' });
  await expect(stores.redact(id, version)).rejects.toMatchObject({ code: 'conflict' });
  await stores.deleteMemory(id, memory);
  for (const { id: one } of await stores.versions(id, memory)) await stores.redact(id, one, { kind: 'key', id: 'k1' });
  const kinds = ['memory-store', 'memory-store-index', 'memory-store-version', 'memory-store-text'];
  const all = async () => (await Promise.all(kinds.map((kind) => records.list(kind)))).flat();
  expect(JSON.stringify(await all())).not.toContain('secret text');
  const redacted = { path: null, redacted: { by: { kind: 'key', id: 'k1' } } };
  expect(await stores.versions(id, memory)).toMatchObject([redacted, redacted]);
  await stores.delete(id);
  expect(await all()).toEqual([]);
});
