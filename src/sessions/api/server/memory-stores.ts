import { z } from 'zod';
import { AppError } from '../../../core/errors/errors.ts';
import { ResourceOwnership } from '../../../core/model/access/holder.ts';
import type { ServiceRules } from '../rules.ts';

export const MemoryStore = z.object({
  ...ResourceOwnership.shape,
  id: z.string(), // memstore_ and 24 hex digits
  name: z.string(),
  description: z.string(),
  metadata: z.record(z.string(), z.string()),
  createdAt: z.number(), // epoch ms
  /** Changes to the store's memories do not update it. */
  updatedAt: z.number(),
  /** Memories in an archived store can only be read and deleted. */
  archivedAt: z.number().nullable(),
});
export type MemoryStore = z.infer<typeof MemoryStore>;
export type MemoryStoreDetails = Pick<MemoryStore, 'name' | 'description' | 'metadata'>;

/** The author of a version; null: a caller without a key. */
const MemoryAuthor = z
  .discriminatedUnion('kind', [
    z.object({ kind: z.literal('key'), id: z.string() }),
    z.object({ kind: z.literal('session'), id: z.string() }),
  ])
  .nullable();
export type MemoryAuthor = z.infer<typeof MemoryAuthor>;

export interface MemoryEntry {
  /** Unchanged when the path changes. */
  readonly id: string; // mem_ and 24 hex digits
  readonly version: string;
  readonly path: string; // starts with a slash
  readonly sha256: string;
  readonly size: number; // UTF-8 bytes
  readonly createdAt: number;
  readonly updatedAt: number;
}
export interface MemoryEntryWithText extends MemoryEntry {
  readonly text: string;
}
/** A redacted version has neither path nor hash. */
export const MemoryEntryVersion = z.object({
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
export type MemoryEntryVersion = z.infer<typeof MemoryEntryVersion>;

export interface MemoryEntryChange {
  readonly path?: string | undefined;
  readonly text?: string | undefined;
  /** The expected hash of the current text. If the hash differs, nothing changes. */
  readonly expect?: string | undefined;
}

export class MemoryConflictError extends AppError {
  readonly about: 'path' | 'text';
  constructor(about: MemoryConflictError['about'], message: string) {
    super('conflict', message);
    this.about = about;
  }
}

/** Every method with an id can reject with not_found. The access layer fills in `by`, the writer. */
export interface MemoryStoreService {
  /** Newest first. With `owner`, lists only stores of that owner and of `projects`. */
  list(owner?: string, projects?: readonly string[]): Promise<readonly MemoryStore[]>;
  /** Rejects: quota. */
  create(facts: MemoryStoreDetails & ResourceOwnership): Promise<MemoryStore>;
  get(id: string): Promise<MemoryStore>;
  /** Rejects: invalid_request (the store is archived). */
  update(id: string, change: (now: MemoryStore) => MemoryStoreDetails): Promise<MemoryStore>;
  archive(id: string): Promise<MemoryStore>;
  /** Also deletes the store's memories and their versions. */
  delete(id: string): Promise<void>;
  /** Sorted by path. */
  memories(id: string): Promise<readonly MemoryEntry[]>;
  memory(id: string, memory: string): Promise<MemoryEntryWithText>;
  /** Rejects: invalid_request, payload_too_large, quota, MemoryConflictError (the path is taken). */
  addMemory(
    id: string,
    memory: { readonly path: string; readonly text: string },
    by?: MemoryAuthor,
  ): Promise<MemoryEntry>;
  /** Creates no version if unchanged. Rejects as `addMemory` does, and: MemoryConflictError (`expect` mismatch). */
  changeMemory(id: string, memory: string, change: MemoryEntryChange, by?: MemoryAuthor): Promise<MemoryEntry>;
  /** Keeps the memory's versions. Rejects: MemoryConflictError (`expect` does not match). */
  deleteMemory(id: string, memory: string, expect?: string, by?: MemoryAuthor): Promise<void>;
  /** Newest first, including versions of deleted memories. `memory` limits the list to one memory. */
  versions(id: string, memory?: string): Promise<readonly MemoryEntryVersion[]>;
  /** The text is null if the version deleted the memory or was redacted. */
  version(id: string, version: string): Promise<MemoryEntryVersion & { readonly text: string | null }>;
  /** Permanently removes the text, path and hash. Rejects: conflict (the current version). */
  redact(id: string, version: string, by?: MemoryAuthor): Promise<MemoryEntryVersion>;
}

export const memoryStoreRules: ServiceRules<MemoryStoreService> = {
  list: { may: 'list', audit: null },
  create: { may: 'create', audit: 'memory-store.create' },
  get: { may: 'read', audit: null },
  update: { may: 'work', audit: 'memory-store.change' },
  archive: { may: 'work', audit: 'memory-store.archive' },
  delete: { may: 'manage', audit: 'memory-store.delete' },
  memories: { may: 'read', audit: null },
  memory: { may: 'read', audit: null },
  addMemory: { may: 'work', audit: 'memory-store.write' },
  changeMemory: { may: 'work', audit: 'memory-store.write' },
  deleteMemory: { may: 'work', audit: 'memory-store.remove' },
  versions: { may: 'read', audit: null },
  version: { may: 'read', audit: null },
  redact: { may: 'work', audit: 'memory-store.redact' },
};
