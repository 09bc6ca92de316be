import { z } from 'zod';
import { memoryMountPath } from '../../../../core/model/run-files.ts';
import type { MountedMemoryStore } from '../../../../core/model/session-agent.ts';
import { trimCharacters } from '../../../../core/text/text.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError, rethrowNotFoundAs } from '../errors.ts';

const access = z.enum(['read_write', 'read_only']);
export const MemoryStoreRequest = z.strictObject({
  type: z.literal('memory_store'),
  memory_store_id: z.string().min(1).max(200),
  access: access.nullable().optional(),
  instructions: z.string().max(4_096).nullable().optional(),
});
/** Contains the name and description that the store had when the session was created. */
export const MemoryStoreResource = z.object({
  type: z.literal('memory_store'),
  memory_store_id: z.string(),
  access,
  instructions: z.string().nullable(),
  name: z.string(),
  description: z.string(),
  mount_path: z.string(),
});
export type MemoryStoreResource = z.output<typeof MemoryStoreResource>;
export const maxMemoryStores = 8;

/** Another owner's store is treated as missing. */
export async function prepareMemoryResources(
  requests: readonly z.output<typeof MemoryStoreRequest>[],
  stores: Services['memoryStores'],
): Promise<MemoryStoreResource[]> {
  if (requests.length > maxMemoryStores)
    throw invalidRequestError(`resources: a session has at most ${maxMemoryStores} memory stores.`);
  const resources: MemoryStoreResource[] = [];
  for (const { type, memory_store_id: id, access: target, instructions } of requests) {
    if (resources.some((one) => one.memory_store_id === id))
      throw invalidRequestError(`resources: ${id} is there twice.`);
    const gone = rethrowNotFoundAs(`resources: there is no memory store ${id}.`, 'memory_store_not_found');
    const { name, description, archivedAt } = await stores.get(id).catch(gone);
    if (archivedAt !== null)
      throw invalidRequestError(`resources: the memory store ${id} is archived.`, 'memory_store_archived');
    const taken = new Set(resources.map(({ mount_path: path }) => path));
    resources.push({
      type,
      memory_store_id: id,
      access: target ?? 'read_write',
      instructions: instructions ?? null,
      name,
      description,
      mount_path: freePath(name, id, taken),
    });
  }
  return resources;
}

const maxFolder = 60;
function freePath(name: string, id: string, taken: ReadonlySet<string>): string {
  const words = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-');
  const plain = trimCharacters(words.slice(0, maxFolder), '-');
  const base = `${memoryMountPath}/${plain === '' ? id : plain}`;
  for (let n = 1; ; n++) {
    const path = n === 1 ? base : `${base}-${n}`;
    if (!taken.has(path)) return path;
  }
}

export const toMountedStore = (resource: MemoryStoreResource): MountedMemoryStore => ({
  store: resource.memory_store_id,
  folder: resource.mount_path.slice(memoryMountPath.length + 1),
  access: resource.access,
  name: resource.name,
  description: resource.description,
  instructions: resource.instructions,
});
