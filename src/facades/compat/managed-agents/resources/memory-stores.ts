import { z } from 'zod';
import {
  type MemoryAuthor,
  MemoryConflictError,
  type MemoryEntry,
  type MemoryEntryVersion,
  type MemoryStore,
  type MemoryStoreService,
} from '../../../../sessions/api/server/memory-stores.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError, ManagedAgentsError } from '../errors.ts';
import { type ApiRoute, type ApiRoutes, createDeleteHandler, toApiRoute } from '../route.ts';
import { toApiSessionId } from '../sessions/ids.ts';
import {
  applyMetadataChange,
  Metadata,
  MetadataChange,
  paginate,
  parseInput,
  type QueryParameters,
  readListPage,
  toApiTimes,
  toIsoTime,
  toIsoTimeOrNull,
} from '../wire.ts';

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
  ...toApiTimes({ createdAt, updatedAt, archivedAt }),
});

export function createMemoryStoreRoutes({ memoryStores: stores }: Pick<Services, 'memoryStores'>): ApiRoutes {
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

/** The API refuses `anthropic-beta` headers that name both agent-memory and managed-agents. */
const withoutMixedHeaders = (route: ApiRoute): ApiRoute => ({
  ...route,
  async run(apiRequest) {
    const betas = String(apiRequest.request.headers['anthropic-beta'] ?? '');
    if (betas.includes('agent-memory-') && betas.includes('managed-agents-'))
      throw invalidRequestError('anthropic-beta: name agent-memory or managed-agents, not both.');
    return await route.run(apiRequest);
  },
});

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 lowercase hexadecimal digits');
const NewMemory = z.strictObject({ path: z.string().max(4_096), content: z.string().nullable() });
const MemoryChange = z.strictObject({
  path: z.string().max(4_096).nullable().optional(),
  content: z.string().nullable().optional(),
  precondition: z
    .strictObject({ type: z.literal('content_sha256'), content_sha256: hash.optional() })
    .nullable()
    .optional(),
});
const operations = ['created', 'modified', 'deleted'] as const;

const toAuthor = (author: MemoryAuthor) => {
  if (author === null) return null;
  return author.kind === 'key'
    ? { type: 'api_actor' as const, api_key_id: author.id }
    : { type: 'session_actor' as const, session_id: toApiSessionId(author.id) };
};
const toMemory = (store: string, memory: MemoryEntry, content: string | null) => ({
  id: memory.id,
  type: 'memory' as const,
  memory_store_id: store,
  memory_version_id: memory.version,
  path: memory.path,
  content,
  content_sha256: memory.sha256,
  content_size_bytes: memory.size,
  created_at: toIsoTime(memory.createdAt),
  updated_at: toIsoTime(memory.updatedAt),
});
const toVersion = (store: string, version: MemoryEntryVersion, content: string | null) => ({
  id: version.id,
  type: 'memory_version' as const,
  memory_id: version.memory,
  memory_store_id: store,
  operation: version.operation,
  path: version.path,
  content,
  content_sha256: version.sha256,
  content_size_bytes: version.size,
  created_by: toAuthor(version.author),
  created_at: toIsoTime(version.at),
  redacted_at: toIsoTimeOrNull(version.redacted?.at),
  redacted_by: version.redacted ? toAuthor(version.redacted.by) : null,
});

function isFull(query: QueryParameters, usual: 'basic' | 'full'): boolean {
  const view = query.one('view') ?? usual;
  if (view !== 'basic' && view !== 'full') throw invalidRequestError('view must be basic or full.');
  return view === 'full';
}
/** The limit is at most 20 if a page includes the items' content. */
function parseLimit(query: QueryParameters): number {
  const limit = query.integer('limit', { min: 1, max: 100, usual: 20 });
  return isFull(query, 'basic') ? Math.min(limit, 20) : limit;
}

async function withApiErrors<Answer>(work: Promise<Answer>): Promise<Answer> {
  return await work.catch((thrown: unknown) => {
    if (!(thrown instanceof MemoryConflictError)) throw thrown;
    const type = thrown.about === 'path' ? 'memory_path_conflict_error' : 'memory_precondition_failed_error';
    throw new ManagedAgentsError('conflict', thrown.publicMessage, { type });
  });
}

/** With `depth` 1, all memories below a subfolder become one item for that subfolder. */
function below(all: readonly MemoryEntry[], query: QueryParameters) {
  const prefix = query.one('path_prefix') ?? '/';
  if (!prefix.startsWith('/') || !prefix.endsWith('/'))
    throw invalidRequestError('path_prefix must begin and end with /.');
  const depth = query.integer('depth', { min: 0, max: 1, usual: 0 });
  const items = new Map<string, { readonly id: string; readonly memory?: MemoryEntry }>();
  for (const memory of all) {
    if (!memory.path.startsWith(prefix)) continue;
    const at = depth === 0 ? -1 : memory.path.indexOf('/', prefix.length);
    if (at < 0) items.set(memory.path, { id: memory.path, memory });
    else items.set(memory.path.slice(0, at + 1), { id: memory.path.slice(0, at + 1) });
  }
  return { items: [...items.values()], name: `memories ${prefix} ${depth}` };
}

/** Lets workers synchronize their own copy of the session's memory stores. */
const worker = ['session'] as const;

function createMemoryRoutes(stores: MemoryStoreService): ApiRoutes {
  const withText = async (store: string, memory: MemoryEntry, includesText: boolean) =>
    toMemory(store, memory, includesText ? (await stores.memory(store, memory.id)).text : null);
  const versionWith = async (store: string, version: MemoryEntryVersion, includesText: boolean) =>
    toVersion(store, version, includesText ? (await stores.version(store, version.id)).text : null);

  return {
    'POST /v1/memory_stores/:id/memories': {
      worker,
      async run({ params: { id = '' }, body, query }) {
        const isWanted = isFull(query, 'basic');
        const { path, content } = parseInput(NewMemory, body);
        const storeMemory = await withApiErrors(stores.addMemory(id, { path, text: content ?? '' }));
        return toMemory(id, storeMemory, isWanted ? (content ?? '') : null);
      },
    },
    'GET /v1/memory_stores/:id/memories': {
      worker,
      async run({ params: { id = '' }, query }) {
        const isWanted = isFull(query, 'basic');
        const { items, name } = below(await stores.memories(id), query);
        const { data, next_page } = paginate(items, { limit: parseLimit(query), page: query.one('page'), name });
        const shown = data.map(async ({ id: path, memory }) =>
          memory ? await withText(id, memory, isWanted) : { type: 'memory_prefix' as const, path },
        );
        return { data: await Promise.all(shown), next_page };
      },
    },
    'GET /v1/memory_stores/:id/memories/:memory': {
      worker,
      async run({ params: { id = '', memory = '' }, query }) {
        const found = await stores.memory(id, memory);
        return toMemory(id, found, isFull(query, 'full') ? found.text : null);
      },
    },
    'POST /v1/memory_stores/:id/memories/:memory': {
      worker,
      async run({ params: { id = '', memory = '' }, body, query }) {
        const isWanted = isFull(query, 'basic');
        const { path, content, precondition } = parseInput(MemoryChange, body);
        const change = {
          path: path ?? undefined,
          text: content ?? undefined,
          expect: precondition?.content_sha256,
        };
        return await withText(id, await withApiErrors(stores.changeMemory(id, memory, change)), isWanted);
      },
    },
    'DELETE /v1/memory_stores/:id/memories/:memory': {
      worker,
      async run({ params: { id = '', memory = '' }, query }) {
        const value = query.one('expected_content_sha256');
        await withApiErrors(stores.deleteMemory(id, memory, value === undefined ? undefined : parseInput(hash, value)));
        return { id: memory, type: 'memory_deleted' as const };
      },
    },
    async 'GET /v1/memory_stores/:id/memory_versions'({ params: { id = '' }, query }) {
      const isWanted = isFull(query, 'basic');
      const [memory, operation] = [query.one('memory_id'), query.one('operation')];
      if (operation !== undefined && !operations.some((one) => one === operation))
        throw invalidRequestError(`operation must be one of ${operations.join(', ')}.`);
      const [key, session] = [query.one('api_key_id'), query.one('session_id')];
      const isWithin = query.within('created_at');
      const shown = (await stores.versions(id, memory)).filter(
        ({ operation: own, at, author }) =>
          (operation === undefined || own === operation) &&
          (key === undefined || (author?.kind === 'key' && author.id === key)) &&
          (session === undefined || (author?.kind === 'session' && toApiSessionId(author.id) === session)) &&
          query.one('service_account_id') === undefined &&
          isWithin(at),
      );
      const paging = { limit: parseLimit(query), page: query.one('page'), name: `memory versions ${id}` };
      const { data, next_page } = paginate(shown, paging);
      return { data: await Promise.all(data.map((one) => versionWith(id, one, isWanted))), next_page };
    },
    async 'GET /v1/memory_stores/:id/memory_versions/:memory_version'({
      params: { id = '', memory_version: target = '' },
      query,
    }) {
      const version = await stores.version(id, target);
      return toVersion(id, version, isFull(query, 'full') ? version.text : null);
    },
    async 'POST /v1/memory_stores/:id/memory_versions/:memory_version/redact'({
      params: { id = '', memory_version: version = '' },
    }) {
      const redacted = await stores.redact(id, version).catch((thrown: unknown) => {
        if (thrown instanceof Error && 'code' in thrown && thrown.code === 'conflict')
          throw invalidRequestError(thrown.message);
        throw thrown;
      });
      return toVersion(id, redacted, null);
    },
  };
}
