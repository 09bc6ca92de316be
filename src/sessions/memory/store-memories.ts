import { z } from 'zod';
import type { Clock } from '../../core/contracts/clock.ts';
import type { RecordStore } from '../../core/contracts/ports.ts';
import { AppError, unlessConflict } from '../../core/errors/errors.ts';
import {
  type MemoryAuthor,
  MemoryConflict,
  type StoreMemory,
  type StoreMemoryChange,
  type StoreMemoryText,
  type StoreMemoryVersion,
} from '../api/server/memory-stores.ts';
import {
  checkRoom,
  checkStorePath,
  checkStoreText,
  isLive,
  redactedVersion,
  type StoredMemory,
  StoredVersion,
  StoreIndex,
  sha256,
  storeLimits,
  toMemory,
  withMemoryIn,
} from './store-index.ts';

interface Deps {
  readonly records: RecordStore;
  readonly clock: Clock;
  /** Twelve hex digits. */
  readonly short: () => string;
}
const kinds = { index: 'memory-store-index', version: 'memory-store-version', text: 'memory-store-text' } as const;
const StoredText = z.object({ text: z.string() });
const maxTries = 50; // a write of another server came first each time

const noMemory = () => new AppError('not_found', 'The store has no such memory.');
const noVersion = () => new AppError('not_found', 'The store has no such version.');
/** The memory of a version, whose id contains its own; undefined: it is no id of a version. */
const memoryOf = (version: string): string | undefined => {
  const [, hex] = /^memver_([0-9a-f]{24})[0-9a-f]{12}$/.exec(version) ?? [];
  return hex === undefined ? undefined : `mem_${hex}`;
};
const keyOf = (store: string, { memory, id }: Pick<StoreMemoryVersion, 'memory' | 'id'>) => `${store}:${memory}:${id}`;

/** A new state; null as text: the memory is deleted. Undefined: nothing changes. */
type Draft = { readonly path: string; readonly text: string | null } | undefined;

/** The memories of all stores with their versions. Permissions and archived stores stand above it. */
export class StoreMemories {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Makes an empty store. */
  async begin(store: string): Promise<void> {
    await this.#deps.records.put({ kind: kinds.index, id: store, doc: { memories: [] }, expect: 0 });
  }

  /** Everything of the store. */
  async forget(store: string): Promise<void> {
    const { records } = this.#deps;
    await records.delete(kinds.index, store);
    for (const kind of [kinds.version, kinds.text])
      for (const { id } of await records.list(kind, { idPrefix: `${store}:` })) await records.delete(kind, id);
  }

  async list(store: string): Promise<readonly StoreMemory[]> {
    return (await this.#index(store)).index.memories.filter(isLive).map(toMemory);
  }

  async read(store: string, id: string): Promise<StoreMemoryText> {
    for (let tries = 0; tries < maxTries; tries++) {
      const memory = await this.#live(store, id);
      const text = await this.#text(store, memory.head);
      if (text !== undefined) return { ...toMemory(memory), text };
    }
    throw busy();
  }

  async add(
    store: string,
    { path, text }: { readonly path: string; readonly text: string },
    by: MemoryAuthor,
  ): Promise<StoreMemory> {
    checkStorePath(path);
    const { short } = this.#deps;
    return await this.#change(store, `mem_${short()}${short()}`, by, async () => ({ path, text }));
  }

  async change(store: string, id: string, change: StoreMemoryChange, by: MemoryAuthor): Promise<StoreMemory> {
    if (change.path !== undefined) checkStorePath(change.path);
    return await this.#change(store, id, by, async (now) => {
      if (!now || !isLive(now)) throw noMemory();
      refuseOther(now, change.expect);
      const text = change.text ?? (await this.#text(store, now.head));
      const path = change.path ?? now.path;
      if (text === undefined) return 'moved';
      return path === now.path && sha256(text) === now.head.sha256 ? undefined : { path, text };
    });
  }

  async delete(store: string, id: string, expect: string | undefined, by: MemoryAuthor): Promise<void> {
    await this.#change(store, id, by, async (now) => {
      if (!now || !isLive(now)) throw noMemory();
      refuseOther(now, expect);
      return { path: now.path, text: null };
    });
  }

  async versions(store: string, memory?: string): Promise<readonly StoreMemoryVersion[]> {
    const { index } = await this.#index(store);
    const heads = index.memories.filter(({ id }) => memory === undefined || id === memory).map(({ head }) => head);
    const replaced = await this.#replaced(store, memory);
    const all = new Map([...replaced, ...heads].map((one) => [one.id, one]));
    return [...all.values()].sort((a, b) => b.at - a.at || (a.id < b.id ? 1 : -1));
  }

  async version(store: string, id: string): Promise<StoreMemoryVersion & { readonly text: string | null }> {
    const version = await this.#version(store, id);
    const isThere = version.operation !== 'deleted' && version.redacted === null;
    return { ...version, text: isThere ? ((await this.#text(store, version)) ?? null) : null };
  }

  async redact(store: string, id: string, by: MemoryAuthor): Promise<StoreMemoryVersion> {
    const { records, clock } = this.#deps;
    for (let tries = 0; tries < maxTries; tries++) {
      const { index, recordVersion } = await this.#index(store);
      const version = await this.#version(store, id);
      if (version.redacted) return version;
      const memory = index.memories.find(({ head }) => head.id === id);
      if (memory && isLive(memory))
        throw new AppError('conflict', 'This is the present version of a memory. Change or delete the memory first.');
      const next = redactedVersion(version, { at: clock.now(), by });
      await records.delete(kinds.text, keyOf(store, version));
      if (memory) {
        const doc = { memories: index.memories.map((one) => (one === memory ? { ...one, head: next } : one)) };
        if (await this.#putIndex(store, doc as StoreIndex, recordVersion)) return next;
        continue;
      }
      const key = keyOf(store, version);
      const found = await records.get(kinds.version, key);
      const put = found && { kind: kinds.version, id: key, doc: next, sort: next.at, expect: found.version };
      if (put && (await records.put(put).catch(unlessConflict)) !== undefined) return next;
    }
    throw busy();
  }

  async #change(
    store: string,
    id: string,
    author: MemoryAuthor,
    draft: (now: StoredMemory | undefined) => Promise<Draft | 'moved'>,
  ): Promise<StoreMemory> {
    const { records, clock, short } = this.#deps;
    for (let tries = 0; tries < maxTries; tries++) {
      const { index, recordVersion } = await this.#index(store);
      const now = index.memories.find((one) => one.id === id);
      const next = await draft(now);
      if (next === 'moved') continue;
      if (next === undefined) {
        if (!now) throw noMemory();
        return toMemory(now);
      }
      const { path, text } = next;
      if (text !== null) {
        checkStoreText(text);
        checkRoom(index, id, { path, size: Buffer.byteLength(text) });
      }
      const at = clock.now();
      const head: StoreMemoryVersion = {
        id: `memver_${id.slice('mem_'.length)}${short()}`,
        memory: id,
        operation: text === null ? 'deleted' : now ? 'modified' : 'created',
        path,
        sha256: text === null ? null : sha256(text),
        size: text === null ? null : Buffer.byteLength(text),
        at,
        author,
        redacted: null,
      };
      const memory: StoredMemory = { id, path, createdAt: now?.createdAt ?? at, count: (now?.count ?? 0) + 1, head };
      if (text !== null) await records.put({ kind: kinds.text, id: keyOf(store, head), doc: { text }, expect: 0 });
      if (now) await this.#keep(store, now.head);
      const changed = withMemoryIn(index, memory);
      if (await this.#putIndex(store, changed.index, recordVersion)) {
        for (const gone of changed.forgotten) await this.#drop(store, await this.#replaced(store, gone));
        if (memory.count > storeLimits.versions)
          await this.#drop(store, (await this.#replaced(store, id)).slice(storeLimits.versions - 1));
        return toMemory(memory);
      }
      await records.delete(kinds.text, keyOf(store, head));
    }
    throw busy();
  }

  /** Keeps a version beyond its time as the present one. Another server can have done it already. */
  async #keep(store: string, version: StoreMemoryVersion): Promise<void> {
    const put = { kind: kinds.version, id: keyOf(store, version), doc: version, sort: version.at, expect: 0 };
    await this.#deps.records.put(put).catch(unlessConflict);
  }
  async #drop(store: string, versions: readonly StoreMemoryVersion[]): Promise<void> {
    for (const version of versions)
      for (const kind of [kinds.text, kinds.version]) await this.#deps.records.delete(kind, keyOf(store, version));
  }

  /** The versions that others took the place of, the newest first. */
  async #replaced(store: string, memory?: string): Promise<readonly StoreMemoryVersion[]> {
    const idPrefix = memory === undefined ? `${store}:` : `${store}:${memory}:`;
    return (await this.#deps.records.list(kinds.version, { idPrefix })).map(({ doc }) => StoredVersion.parse(doc));
  }

  async #version(store: string, id: string): Promise<StoreMemoryVersion> {
    const memory = memoryOf(id);
    if (memory === undefined) throw noVersion();
    const found = await this.#deps.records.get(kinds.version, keyOf(store, { memory, id }));
    if (found) return StoredVersion.parse(found.doc);
    const { index } = await this.#index(store);
    const head = index.memories.find((one) => one.id === memory)?.head;
    if (head?.id !== id) throw noVersion();
    return head;
  }

  async #live(store: string, id: string): Promise<StoredMemory> {
    const memory = (await this.#index(store)).index.memories.find((one) => one.id === id);
    if (!memory || !isLive(memory)) throw noMemory();
    return memory;
  }
  async #text(store: string, version: StoreMemoryVersion): Promise<string | undefined> {
    const found = await this.#deps.records.get(kinds.text, keyOf(store, version));
    return found && StoredText.parse(found.doc).text;
  }

  async #index(store: string): Promise<{ readonly index: StoreIndex; readonly recordVersion: number }> {
    const found = await this.#deps.records.get(kinds.index, store);
    if (!found) throw new AppError('not_found', 'There is no such memory store.');
    return { index: StoreIndex.parse(found.doc), recordVersion: found.version };
  }
  /** False: another server has changed it meanwhile. */
  async #putIndex(store: string, doc: StoreIndex, expect: number): Promise<boolean> {
    const put = { kind: kinds.index, id: store, doc, expect };
    return (await this.#deps.records.put(put).catch(unlessConflict)) !== undefined;
  }
}

function refuseOther({ head, path }: StoredMemory, expect: string | undefined): void {
  if (expect === undefined || expect === head.sha256) return;
  throw new MemoryConflict('text', `${path} was changed meanwhile. Read it again before you write.`);
}
const busy = () => new AppError('queue_full', 'Others change this store all the time. Try again in a moment.');
