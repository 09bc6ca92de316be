import { z } from 'zod';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreConflict } from '../../core/errors/errors.ts';
import type { IdSource } from '../../core/model/ids.ts';
import { Collection, changeRecord, changeRecordWithResult } from '../../storage/collection.ts';
import {
  type MemoryAuthor,
  MemoryConflictError,
  type MemoryEntry,
  type MemoryEntryChange,
  MemoryEntryVersion,
  type MemoryEntryWithText,
  MemoryStore,
  type MemoryStoreDetails,
  type MemoryStoreService,
} from '../api/server/memory-stores.ts';
import {
  assertMemoryFits,
  checkMemoryPath,
  checkMemoryText,
  computeSha256,
  isLiveMemory,
  MemoryStoreIndex,
  memoryStoreLimits,
  putMemory,
  redactMemoryVersion,
  type StoredMemory,
  toMemoryEntry,
} from './store-index.ts';

const kinds = { index: 'memory-store-index', version: 'memory-store-version', text: 'memory-store-text' } as const;
const StoredText = z.object({ text: z.string() });

const noMemory = () => new AppError('not_found', 'The store has no such memory.');
const noVersion = () => new AppError('not_found', 'The store has no such version.');
const parseMemoryId = (version: string): string | undefined => {
  const [, hex] = /^memver_([0-9a-f]{24})[0-9a-f]{12}$/.exec(version) ?? [];
  return hex === undefined ? undefined : `mem_${hex}`;
};
const keyOf = (store: string, { memory, id }: Pick<MemoryEntryVersion, 'memory' | 'id'>) => `${store}:${memory}:${id}`;

/** A null text deletes the memory. */
type Draft = { readonly path: string; readonly text: string | null } | undefined;

/** Callers must check permissions and whether the store is archived. */
class MemoryStoreContents extends ServerComponent<Deps> {
  async begin(store: string): Promise<void> {
    await this.deps.records.put({ kind: kinds.index, id: store, doc: { memories: [] }, expect: 0 });
  }

  async forget(store: string): Promise<void> {
    const { records } = this.deps;
    await records.delete(kinds.index, store);
    for (const kind of [kinds.version, kinds.text])
      for (const { id } of await records.list(kind, { idPrefix: `${store}:` })) await records.delete(kind, id);
  }

  async list(store: string): Promise<readonly MemoryEntry[]> {
    return (await this.#index(store)).memories.filter(isLiveMemory).map(toMemoryEntry);
  }

  async read(store: string, id: string): Promise<MemoryEntryWithText> {
    return await this.#changeIndex(store, async ({ memories }) => {
      const memory = memories.find((one) => one.id === id);
      if (!memory || !isLiveMemory(memory)) throw noMemory();
      const text = await this.#text(store, memory.head);
      return text === undefined ? 'again' : { value: { ...toMemoryEntry(memory), text } };
    });
  }

  async add(
    store: string,
    { path, text }: { readonly path: string; readonly text: string },
    by: MemoryAuthor,
  ): Promise<MemoryEntry> {
    checkMemoryPath(path);
    const { ids } = this.deps;
    return await this.#change(store, `mem_${ids.short()}${ids.short()}`, by, async () => ({ path, text }));
  }

  async change(store: string, id: string, change: MemoryEntryChange, by: MemoryAuthor): Promise<MemoryEntry> {
    if (change.path !== undefined) checkMemoryPath(change.path);
    return await this.#change(store, id, by, async (now) => {
      if (!now || !isLiveMemory(now)) throw noMemory();
      refuseOther(now, change.expect);
      const text = change.text ?? (await this.#text(store, now.head));
      const path = change.path ?? now.path;
      if (text === undefined) return 'again';
      return path === now.path && computeSha256(text) === now.head.sha256 ? undefined : { path, text };
    });
  }

  async delete(store: string, id: string, expect: string | undefined, by: MemoryAuthor): Promise<void> {
    await this.#change(store, id, by, async (now) => {
      if (!now || !isLiveMemory(now)) throw noMemory();
      refuseOther(now, expect);
      return { path: now.path, text: null };
    });
  }

  async versions(store: string, memory?: string): Promise<readonly MemoryEntryVersion[]> {
    const { memories } = await this.#index(store);
    const heads = memories.filter(({ id }) => memory === undefined || id === memory).map(({ head }) => head);
    const replaced = await this.#replaced(store, memory);
    const all = new Map([...replaced, ...heads].map((one) => [one.id, one]));
    return [...all.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
  }

  async version(store: string, id: string): Promise<MemoryEntryVersion & { readonly text: string | null }> {
    const version = await this.#version(store, id);
    const isThere = version.operation !== 'deleted' && version.redacted === null;
    return { ...version, text: isThere ? ((await this.#text(store, version)) ?? null) : null };
  }

  async redact(store: string, id: string, by: MemoryAuthor): Promise<MemoryEntryVersion> {
    const { records, clock } = this.deps;
    return await this.#changeIndex<MemoryEntryVersion>(store, async ({ memories }) => {
      const version = await this.#version(store, id);
      if (version.redacted) return { value: version };
      const memory = memories.find(({ head }) => head.id === id);
      if (memory && isLiveMemory(memory))
        throw new AppError('conflict', 'This is the current version of a memory. Change or delete the memory first.');
      const next = redactMemoryVersion(version, { at: clock.now(), by });
      await records.delete(kinds.text, keyOf(store, version));
      if (memory)
        return {
          value: next,
          doc: { memories: memories.map((one) => (one === memory ? { ...one, head: next } : one)) },
        };
      const place = { kind: kinds.version, id: keyOf(store, version) };
      const isThere = await changeRecord(records, place, (found) => found && { doc: next, sort: next.at });
      return isThere ? { value: next } : 'again';
    });
  }

  async #change(
    store: string,
    id: string,
    author: MemoryAuthor,
    draft: (now: StoredMemory | undefined) => Promise<Draft | 'again'>,
  ): Promise<MemoryEntry> {
    const { records, clock, ids } = this.deps;
    let refused: string | undefined; // the text written by an attempt that lost to another write
    const { memory, forgotten } = await this.#changeIndex<{ memory: StoredMemory; forgotten?: readonly string[] }>(
      store,
      async (index) => {
        if (refused !== undefined) await records.delete(kinds.text, refused);
        refused = undefined;
        const now = index.memories.find((one) => one.id === id);
        const next = await draft(now);
        if (next === 'again') return 'again';
        if (next === undefined) {
          if (!now) throw noMemory();
          return { value: { memory: now } };
        }
        const { path, text } = next;
        if (text !== null) {
          checkMemoryText(text);
          assertMemoryFits(index, id, { path, size: Buffer.byteLength(text) });
        }
        const at = clock.now();
        const head: MemoryEntryVersion = {
          id: `memver_${id.slice('mem_'.length)}${ids.short()}`,
          memory: id,
          operation: text === null ? 'deleted' : now ? 'modified' : 'created',
          path,
          sha256: text === null ? null : computeSha256(text),
          size: text === null ? null : Buffer.byteLength(text),
          at,
          author,
          redacted: null,
        };
        const memory: StoredMemory = { id, path, createdAt: now?.createdAt ?? at, count: (now?.count ?? 0) + 1, head };
        refused = keyOf(store, head);
        if (text !== null) await records.put({ kind: kinds.text, id: refused, doc: { text }, expect: 0 });
        if (now) {
          const { head: doc } = now;
          const put = { kind: kinds.version, id: keyOf(store, doc), doc, sort: doc.at, expect: 0 };
          await records.put(put).catch(ignoreConflict); // another server may have stored the version already
        }
        const changed = putMemory(index, memory);
        return { value: { memory, forgotten: changed.forgotten }, doc: changed.index };
      },
    );
    for (const gone of forgotten ?? []) await this.#drop(store, await this.#replaced(store, gone));
    if (forgotten && memory.count > memoryStoreLimits.versions)
      await this.#drop(store, (await this.#replaced(store, id)).slice(memoryStoreLimits.versions - 1));
    return toMemoryEntry(memory);
  }

  async #drop(store: string, versions: readonly MemoryEntryVersion[]): Promise<void> {
    for (const version of versions)
      for (const kind of [kinds.text, kinds.version]) await this.deps.records.delete(kind, keyOf(store, version));
  }

  async #replaced(store: string, memory?: string): Promise<readonly MemoryEntryVersion[]> {
    const idPrefix = memory === undefined ? `${store}:` : `${store}:${memory}:`;
    return (await this.deps.records.list(kinds.version, { idPrefix })).map(({ doc }) => MemoryEntryVersion.parse(doc));
  }

  async #version(store: string, id: string): Promise<MemoryEntryVersion> {
    const memory = parseMemoryId(id);
    if (memory === undefined) throw noVersion();
    const found = await this.deps.records.get(kinds.version, keyOf(store, { memory, id }));
    if (found) return MemoryEntryVersion.parse(found.doc);
    const head = (await this.#index(store)).memories.find((one) => one.id === memory)?.head;
    if (head?.id !== id) throw noVersion();
    return head;
  }

  async #text(store: string, version: MemoryEntryVersion): Promise<string | undefined> {
    const found = await this.deps.records.get(kinds.text, keyOf(store, version));
    return found && StoredText.parse(found.doc).text;
  }

  async #index(store: string): Promise<MemoryStoreIndex> {
    return indexIn(await this.deps.records.get(kinds.index, store));
  }
  async #changeIndex<Value>(
    store: string,
    change: (index: MemoryStoreIndex) => Promise<{ readonly value: Value; readonly doc?: MemoryStoreIndex } | 'again'>,
  ): Promise<Value> {
    const place = { kind: kinds.index, id: store };
    return await changeRecordWithResult(this.deps.records, place, async (found) => await change(indexIn(found)));
  }
}

function indexIn(found: { readonly doc: unknown } | undefined): MemoryStoreIndex {
  if (!found) throw new AppError('not_found', 'There is no such memory store.');
  return MemoryStoreIndex.parse(found.doc);
}

function refuseOther({ head, path }: StoredMemory, expect: string | undefined): void {
  if (expect === undefined || expect === head.sha256) return;
  throw new MemoryConflictError('text', `${path} was changed in the meantime. Read it again before you write.`);
}

interface Deps extends Pick<ServerDependencies, 'clock' | 'records'> {
  readonly ids: Pick<IdSource, 'short'>;
}
const kind = 'memory-store';
const mostOfOwner = 1_000;
const archived = () =>
  new AppError('invalid_request', 'The memory store is archived and cannot be changed. Create a new one.');

export function createMemoryStoreService({ records, clock, ids }: Deps): MemoryStoreService {
  const memories = new MemoryStoreContents({ records, clock, ids });

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
      const text = `There are already ${mostOfOwner} memory stores. Delete some first.`;
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
