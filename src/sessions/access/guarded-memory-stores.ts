import { AppError } from '../../core/errors/errors.ts';
import { hasRole, type Principal } from '../../core/model/principal.ts';
import type { MemoryAuthor, MemoryStoreService } from '../api/server/memory-stores.ts';
import { authorizeRole, checkBy } from './authorize.ts';

const noStore = () => new AppError('not_found', 'There is no such memory store.');

export const memoryStoreCheck = (stores: MemoryStoreService, principalOf: () => Principal) =>
  checkBy((id: string) => stores.get(id), principalOf, noStore);

/** Programs see the stores of their own key's owner; administrators see all. The guard names the writer. */
export function guardedMemoryStores(
  stores: MemoryStoreService,
  own: MemoryStoreService,
  principalOf: () => Principal,
): MemoryStoreService {
  const by = (): MemoryAuthor => {
    const { key, session } = principalOf();
    if (session !== undefined) return { kind: 'session', id: session };
    return key === undefined ? null : { kind: 'key', id: key };
  };
  return {
    ...own,
    async list() {
      const { role, owner } = principalOf();
      return await stores.list(role === 'reader' || hasRole({ role }, 'admin') ? undefined : (owner ?? ''));
    },
    async create(store) {
      const principal = principalOf();
      authorizeRole(principal, 'user');
      const { owner } = principal;
      return await stores.create({ ...store, ...(owner !== undefined && { owner }) });
    },
    addMemory: async (id, memory) => await own.addMemory(id, memory, by()),
    changeMemory: async (id, memory, change) => await own.changeMemory(id, memory, change, by()),
    deleteMemory: async (id, memory, expect) => await own.deleteMemory(id, memory, expect, by()),
    redact: async (id, version) => await own.redact(id, version, by()),
  };
}
