import { expect, test } from 'vitest';
import { createIdSource } from '../../../../src/core/model/ids.ts';
import {
  MemoryStoreRequest,
  prepareMemoryResources,
  toMountedStore,
} from '../../../../src/facades/compat/managed-agents/sessions/memory-resources.ts';
import { parseInput } from '../../../../src/facades/compat/managed-agents/wire.ts';
import { createMemoryStoreService } from '../../../../src/sessions/memory/stores.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';

async function bench(...names: readonly string[]) {
  const { records } = createInMemoryStore();
  const stores = createMemoryStoreService({ records, clock: { now: () => 1 } as never, ids: createIdSource() });
  const made: string[] = [];
  for (const name of names) made.push((await stores.create({ name, description: 'x', metadata: {} })).id);
  const resources = (...choices: readonly object[]) =>
    prepareMemoryResources(
      choices.map((choice) => parseInput(MemoryStoreRequest, { type: 'memory_store', ...choice })),
      stores,
    );
  return { stores, ids: made, resources };
}

test('a store is a folder named after it, apart from the others, and keeps name and description of the beginning', async () => {
  const { stores, ids, resources } = await bench('User Preferences', 'user/preferences!', '../..', 'Größe', '日本');
  const found = await resources(
    ...ids.map((id, n) => ({ memory_store_id: id, ...(n === 1 && { access: 'read_only' }) })),
  );
  expect(found.map(({ mount_path: path }) => path)).toEqual([
    '/mnt/memory/user-preferences',
    '/mnt/memory/user-preferences-2',
    `/mnt/memory/${ids[2]}`,
    '/mnt/memory/gro-e',
    `/mnt/memory/${ids[4]}`,
  ]);
  await stores.update(ids[0] ?? '', (now) => ({ ...now, name: 'Other' }));
  expect(found[0]).toEqual({
    type: 'memory_store',
    memory_store_id: ids[0],
    access: 'read_write',
    instructions: null,
    name: 'User Preferences',
    description: 'x',
    mount_path: '/mnt/memory/user-preferences',
  });
  expect(found.slice(1, 2).map(toMountedStore)).toMatchObject([
    { store: ids[1], folder: 'user-preferences-2', access: 'read_only' },
  ]);
});

test('a store that is unknown, archived, twice or the ninth is refused', async () => {
  const { stores, ids, resources } = await bench(...'abcdefghi');
  const [first = ''] = ids;
  const choices = ids.map((id) => ({ memory_store_id: id }));
  const refusal = (error: string, text: string) => ({
    narrow: expect.objectContaining({ errorCode: error }),
    publicMessage: expect.stringContaining(text),
  });
  await expect(resources(...choices)).rejects.toMatchObject({ publicMessage: expect.stringContaining('at most 8') });
  await expect(resources({ memory_store_id: first }, { memory_store_id: first })).rejects.toMatchObject({
    publicMessage: expect.stringContaining('twice'),
  });
  await expect(resources({ memory_store_id: 'memstore_x' })).rejects.toMatchObject(
    refusal('memory_store_not_found', 'memstore_x'),
  );
  await stores.archive(first);
  await expect(resources({ memory_store_id: first })).rejects.toMatchObject(refusal('memory_store_archived', first));
});
