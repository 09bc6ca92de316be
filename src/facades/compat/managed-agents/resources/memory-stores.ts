import { z } from 'zod';
import type { MemoryStore } from '../../../../sessions/api/server/memory-stores.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError } from '../errors.ts';
import { type ApiRoute, type ApiRoutes, createDeleteHandler, toApiRoute } from '../route.ts';
import {
  applyMetadataChange,
  Metadata,
  MetadataChange,
  parseInput,
  readListPage,
  toIsoTime,
  toIsoTimeOrNull,
} from '../wire.ts';
import { createMemoryRoutes } from './memories.ts';

const name = z
  .string()
  .min(1)
  .max(255)
  .refine((text) => !/\p{Cc}/u.test(text), 'must have no control characters');
const description = z.string().max(1_024);
const NewStore = z.strictObject({
  name,
  description: description.nullable().optional(),
  metadata: Metadata.nullable().optional(),
});
const StoreChange = z.strictObject({
  name: name.nullable().optional(),
  description: description.nullable().optional(),
  metadata: MetadataChange.nullable().optional(),
});

const toStore = ({ id, name, description, metadata, createdAt, updatedAt, archivedAt }: MemoryStore) => ({
  id,
  type: 'memory_store' as const,
  name,
  description,
  metadata,
  created_at: toIsoTime(createdAt),
  updated_at: toIsoTime(updatedAt),
  archived_at: toIsoTimeOrNull(archivedAt),
});

export function createMemoryStoreRoutes({
  services,
}: {
  readonly services: Pick<Services, 'memoryStores'>;
}): ApiRoutes {
  const { memoryStores: stores } = services;
  const own: ApiRoutes = {
    'POST /v1/memory_stores': {
      least: 'create',
      async run({ body }) {
        const input = parseInput(NewStore, body);
        const facts = { name: input.name, description: input.description ?? '', metadata: input.metadata ?? {} };
        return toStore(await stores.create(facts));
      },
    },
    async 'GET /v1/memory_stores'({ query }) {
      const isWithin = query.within('created_at');
      const read = async () => (await stores.list()).filter((store) => query.shows(store) && isWithin(store.createdAt));
      return await readListPage({ query, name: 'memory stores', read, show: toStore });
    },
    'GET /v1/memory_stores/:id': async ({ params: { id = '' } }) => toStore(await stores.get(id)),
    async 'POST /v1/memory_stores/:id'({ params: { id = '' }, body }) {
      const input = parseInput(StoreChange, body);
      return toStore(
        await stores.update(id, (now) => ({
          name: input.name ?? now.name,
          description: input.description ?? (input.description === null ? '' : now.description),
          metadata: input.metadata ? applyMetadataChange(now.metadata, input.metadata) : now.metadata,
        })),
      );
    },
    'POST /v1/memory_stores/:id/archive': async ({ params: { id = '' } }) => toStore(await stores.archive(id)),
    'DELETE /v1/memory_stores/:id': createDeleteHandler('memory_store_deleted', (id) => stores.delete(id)),
  };
  const all = Object.entries({ ...own, ...createMemoryRoutes(stores) });
  return Object.fromEntries(all.map(([endpoint, route]) => [endpoint, withoutMixedHeaders(toApiRoute(route))]));
}

/** The API refuses a request whose `anthropic-beta` header names both agent-memory and managed-agents. */
const withoutMixedHeaders = (route: ApiRoute): ApiRoute => ({
  ...route,
  async run(apiRequest) {
    const betas = String(apiRequest.request.headers['anthropic-beta'] ?? '');
    if (betas.includes('agent-memory-') && betas.includes('managed-agents-'))
      throw invalidRequestError('anthropic-beta: name agent-memory or managed-agents, not both.');
    return await route.run(apiRequest);
  },
});
