import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { Collection } from '../../storage/collection.ts';
import { MemoryStore, type MemoryStoreDetails, type MemoryStoreService } from '../api/server/memory-stores.ts';
import { MemoryStoreContents } from './store-memories.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly ids: Pick<IdSource, 'short'>;
}
const kind = 'memory-store';
const mostOfOwner = 1_000;
const archived = () =>
  new AppError('invalid_request', 'The memory store is archived and cannot be changed. Create a new one.');

export function createMemoryStoreService({ records, clock, ids }: Deps): MemoryStoreService {
  const memories = new MemoryStoreContents({ records, clock, short: ids.short });

  const missing = () => new AppError('not_found', 'There is no such memory store.');
  const stores = new Collection<MemoryStore>(records, {
    kind,
    schema: MemoryStore,
    missing,
  });
  const stored = async (id: string): Promise<MemoryStore> => {
    if (!/^memstore_[0-9a-f]{24}$/.test(id)) throw missing();
    return await stores.get(id);
  };
  const open = async (id: string): Promise<void> => {
    if ((await stored(id)).archivedAt !== null) throw archived();
  };

  const service: MemoryStoreService = {
    list: (owner, parents) => stores.listFor(owner, { parents }),
    async create({ name, description, metadata, owner, projectId }) {
      const id = `memstore_${ids.short()}${ids.short()}`;
      const at = clock.now();
      const store: MemoryStore = {
        id,
        ...(owner !== undefined && { owner }),
        ...(projectId && { projectId }),
        name,
        description,
        metadata,
        createdAt: at,
        updatedAt: at,
        archivedAt: null,
      };
      const text = `There are ${mostOfOwner} memory stores already. Delete some first.`;
      return await stores.within({ most: mostOfOwner, text, now: at }, store, async () => {
        await memories.begin(id);
        return await stores.create(store);
      });
    },
    get: stored,
    update: (id, change) =>
      stores.change(id, (now) => {
        if (now.archivedAt !== null) throw archived();
        const facts: MemoryStoreDetails = change(now);
        return { ...now, ...facts, updatedAt: clock.now() };
      }),
    archive: (id) =>
      stores.change(id, (now) => {
        if (now.archivedAt !== null) return now;
        const at = clock.now();
        return { ...now, archivedAt: at, updatedAt: at };
      }),
    async delete(id) {
      await stored(id);
      // memories first, so that an interrupted deletion can be repeated
      await memories.forget(id);
      await stores.delete(id);
    },
    async memories(id) {
      await stored(id);
      return await memories.list(id);
    },
    async memory(id, memory) {
      await stored(id);
      return await memories.read(id, memory);
    },
    async addMemory(id, memory, by = null) {
      await open(id);
      return await memories.add(id, memory, by);
    },
    async changeMemory(id, memory, change, by = null) {
      await open(id);
      return await memories.change(id, memory, change, by);
    },
    async deleteMemory(id, memory, expect, by = null) {
      await stored(id);
      await memories.delete(id, memory, expect, by);
    },
    async versions(id, memory) {
      await stored(id);
      return await memories.versions(id, memory);
    },
    async version(id, version) {
      await stored(id);
      return await memories.version(id, version);
    },
    async redact(id, version, by = null) {
      await stored(id);
      return await memories.redact(id, version, by);
    },
  };
  return service;
}
