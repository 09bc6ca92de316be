import { createHash } from 'node:crypto';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { MemoryConflictError, type MemoryEntry, MemoryEntryVersion } from '../api/server/memory-stores.ts';

// One record per store, so that one conditional write checks paths, hashes and sizes. Texts and replaced versions are
// separate records.

/** A deleted memory is kept while it has versions. */
const StoredMemory = z.object({
  id: z.string(),
  path: z.string(),
  createdAt: z.number(),
  /** The number of versions ever created. */
  count: z.int(),
  head: MemoryEntryVersion,
});
export type StoredMemory = z.output<typeof StoredMemory>;
export const MemoryStoreIndex = z.object({ memories: z.array(StoredMemory) });
export type MemoryStoreIndex = z.output<typeof MemoryStoreIndex>;

export const memoryStoreLimits = {
  memories: 2_000,
  /** Maximum number of deleted memories with retained versions. */
  deleted: 500,
  textBytes: 102_400,
  /** Maximum total size of the current text of all memories, in bytes. */
  bytes: 32 * 2 ** 20,
  /** Per memory. */
  versions: 20,
  pathBytes: 1_024,
  segments: 20,
} as const;

export const isLiveMemory = ({ head }: StoredMemory): boolean => head.operation !== 'deleted';
export const computeSha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
export const toMemoryEntry = ({ id, path, createdAt, head }: StoredMemory): MemoryEntry => ({
  id,
  version: head.id,
  path,
  sha256: head.sha256 ?? '',
  size: head.size ?? 0,
  createdAt,
  updatedAt: head.at,
});

const unseen = /[\p{C}\p{Zl}\p{Zp}]/u;
export function checkMemoryPath(path: string): void {
  const refusal = (text: string) =>
    new AppError('invalid_request', `path ${JSON.stringify(path.slice(0, 80))} ${text}`);
  if (!path.startsWith('/')) throw refusal('must begin with /.');
  if (Buffer.byteLength(path) > memoryStoreLimits.pathBytes)
    throw refusal(`has more than ${memoryStoreLimits.pathBytes} bytes.`);
  if (unseen.test(path)) throw refusal('has invisible characters.');
  if (path !== path.normalize('NFC')) throw refusal('is not in Unicode normal form (NFC).');
  const segments = path.slice(1).split('/');
  if (segments.length > memoryStoreLimits.segments)
    throw refusal(`has more than ${memoryStoreLimits.segments} segments.`);
  if (segments.some((one) => one === '' || one === '.' || one === '..'))
    throw refusal('has a segment that is empty, . or ..');
}

export function checkMemoryText(text: string): void {
  if (!text.isWellFormed() || text.includes('\0'))
    throw new AppError('invalid_request', 'content has an incomplete character or a NUL. Memories are plain text.');
  const size = Buffer.byteLength(text);
  if (size > memoryStoreLimits.textBytes)
    throw new AppError(
      'payload_too_large',
      `content has ${size} bytes; at most ${memoryStoreLimits.textBytes} are allowed.`,
    );
}

/** Throws: MemoryConflictError, quota. */
export function assertMemoryFits(
  { memories }: MemoryStoreIndex,
  own: string,
  { path, size }: { path: string; size: number },
): void {
  const others = memories.filter((one) => isLiveMemory(one) && one.id !== own);
  if (others.length >= memoryStoreLimits.memories)
    throw new AppError('quota', `The store already has ${memoryStoreLimits.memories} memories. Delete some first.`);
  const rest = others.reduce((sum, { head }) => sum + (head.size ?? 0), 0);
  if (rest + size > memoryStoreLimits.bytes)
    throw new AppError(
      'quota',
      `The memories of a store can have at most ${memoryStoreLimits.bytes} bytes in total. Delete some first.`,
    );
  const clash = others.find(
    (one) => one.path === path || one.path.startsWith(`${path}/`) || path.startsWith(`${one.path}/`),
  );
  if (!clash) return;
  const what = clash.path === path ? 'is taken' : `clashes with ${clash.path}: a name is a memory or a folder`;
  throw new MemoryConflictError('path', `The path ${path} ${what}.`);
}

/** Drops the earliest-deleted memories beyond the limit. `forgotten` lists their ids. */
export function putMemory({ memories }: MemoryStoreIndex, memory: StoredMemory) {
  const all = [...memories.filter(({ id }) => id !== memory.id), memory];
  const deleted = all.filter((one) => !isLiveMemory(one)).sort((a, b) => b.head.at - a.head.at);
  const forgotten = new Set(deleted.slice(memoryStoreLimits.deleted));
  const kept = all.filter((one) => !forgotten.has(one)).sort((a, b) => (a.path < b.path ? -1 : 1));
  return { index: { memories: kept }, forgotten: [...forgotten].map(({ id }) => id) };
}

export const redactMemoryVersion = (
  version: MemoryEntryVersion,
  redacted: NonNullable<MemoryEntryVersion['redacted']>,
): MemoryEntryVersion => ({ ...version, path: null, sha256: null, size: null, redacted });
