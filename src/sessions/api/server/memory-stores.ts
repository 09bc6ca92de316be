import { z } from 'zod';
import { AppError } from '../../../core/errors/errors.ts';
import type { ServiceRules } from '../rules.ts';

/** A container of texts at paths that programs make and give to their sessions. */
export const MemoryStore = z.object({
  id: z.string(), // memstore_ and 24 hex digits
  owner: z.string().optional(),
  name: z.string(),
  description: z.string(),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.number(), // epoch ms
  /** The time of the last change of these facts; changes of memories do not count. */
  updatedAt: z.number(),
  /** An archived store cannot be changed; its memories can be read and deleted. */
  archivedAt: z.number().nullable(),
});
export type MemoryStore = z.infer<typeof MemoryStore>;
export type MemoryStoreFacts = Pick<MemoryStore, 'name' | 'description' | 'metadata'>;

/** The writer of a version; null: a caller without a key. */
const MemoryAuthor = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('key'), id: z.string() }),
    z.object({ kind: z.literal('session'), id: z.string() }),
  ])
  .nullable();
export type MemoryAuthor = z.infer<typeof MemoryAuthor>;

/** A text of a store, without the text. */
export interface StoreMemory {
  /** The same when the path changes. */
  readonly id: string; // mem_ and 24 hex digits
  /** The version that is present. */
  readonly version: string;
  readonly path: string; // begins with a slash
  readonly sha256: string;
  readonly size: number; // bytes in UTF-8
  readonly createdAt: number;
  readonly updatedAt: number;
}
export interface StoreMemoryText extends StoreMemory {
  readonly text: string;
}
/** One change of a memory. A redacted one has neither path nor hash. */
export const StoreMemoryVersion = z.object({
  id: z.string(), // memver_ and 36 hex digits
  memory: z.string(),
  operation: z.enum(['created', 'modified', 'deleted']),
  path: z.string().nullable(),
  sha256: z.string().nullable(),
  size: z.int().nullable(),
  at: z.number(),
  author: MemoryAuthor,
  redacted: z.object({ at: z.number(), by: MemoryAuthor }).nullable(),
});
export type StoreMemoryVersion = z.infer<typeof StoreMemoryVersion>;

export interface StoreMemoryChange {
  /** Absent: it stays. */
  readonly path?: string | undefined;
  readonly text?: string | undefined;
  /** The hash of the present text, without which nothing changes. */
  readonly expect?: string | undefined;
}

/** The refusal of a write: another memory has the path, or another writer changed the text. */
export class MemoryConflict extends AppError {
  readonly about: 'path' | 'text';
  constructor(about: MemoryConflict['about'], message: string) {
    super('conflict', message);
    this.about = about;
  }
}

/**
 * The memory stores of programs. Every method that takes an id rejects with not_found for an unknown store, memory or
 * version. `by`: the writer; the guard of callers fills it in.
 */
export interface MemoryStoreService {
  /** The newest first; only that owner's if `owner` is set. */
  list(owner?: string): Promise<readonly MemoryStore[]>;
  /** Rejects: quota. */
  create(facts: MemoryStoreFacts & { readonly owner?: string }): Promise<MemoryStore>;
  get(id: string): Promise<MemoryStore>;
  /** Rejects: invalid_request (it is archived). */
  update(id: string, change: (now: MemoryStore) => MemoryStoreFacts): Promise<MemoryStore>;
  archive(id: string): Promise<MemoryStore>;
  /** Deletes the memories and their versions too. */
  delete(id: string): Promise<void>;
  /** By path. */
  memories(id: string): Promise<readonly StoreMemory[]>;
  memory(id: string, memory: string): Promise<StoreMemoryText>;
  /** Rejects: invalid_request, payload_too_large, quota, MemoryConflict (the path is taken). */
  addMemory(
    id: string,
    memory: { readonly path: string; readonly text: string },
    by?: MemoryAuthor,
  ): Promise<StoreMemory>;
  /** The same path and text make no version. Rejects as `addMemory` does, and MemoryConflict (`expect`). */
  changeMemory(id: string, memory: string, change: StoreMemoryChange, by?: MemoryAuthor): Promise<StoreMemory>;
  /** The versions stay. Rejects: MemoryConflict (`expect`). */
  deleteMemory(id: string, memory: string, expect?: string, by?: MemoryAuthor): Promise<void>;
  /** The newest first, of deleted memories too; only that memory's if it is set. */
  versions(id: string, memory?: string): Promise<readonly StoreMemoryVersion[]>;
  /** Null as text: it deleted the memory, or was redacted. */
  version(id: string, version: string): Promise<StoreMemoryVersion & { readonly text: string | null }>;
  /** Removes text, path and hash for good. Rejects: conflict (it is the present version of a memory). */
  redact(id: string, version: string, by?: MemoryAuthor): Promise<StoreMemoryVersion>;
}

export const memoryStoreRules: ServiceRules<MemoryStoreService> = {
  list: { may: 'list', audit: null },
  create: { may: 'create', audit: 'memory-store.create' },
  get: { may: 'read', audit: null },
  update: { may: 'work', audit: 'memory-store.change' },
  archive: { may: 'work', audit: 'memory-store.archive' },
  delete: { may: 'work', audit: 'memory-store.delete' },
  memories: { may: 'read', audit: null },
  memory: { may: 'read', audit: null },
  addMemory: { may: 'work', audit: 'memory-store.write' },
  changeMemory: { may: 'work', audit: 'memory-store.write' },
  deleteMemory: { may: 'work', audit: 'memory-store.remove' },
  versions: { may: 'read', audit: null },
  version: { may: 'read', audit: null },
  redact: { may: 'work', audit: 'memory-store.redact' },
};
