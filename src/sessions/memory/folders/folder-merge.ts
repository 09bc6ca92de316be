import type { MemoryEntry } from '../../api/server/memory-stores.ts';

export interface MemoryFolderState {
  /** Maps each file to its hash, or to null if it is too large for a memory or not readable. */
  readonly files: ReadonlyMap<string, string | null>;
  /** Undefined if the folder is new or `.corral-memory` was removed. */
  readonly agreed: ReadonlyMap<string, string> | undefined;
  /** False if a subfolder was not readable, so `files` may be incomplete. */
  readonly whole: boolean;
}

export interface MemoryFolderMerge {
  /** Current hashes of files that are the same on both sides, and the last agreed hashes of the others. */
  readonly agreed: ReadonlyMap<string, string>;
  readonly pull: readonly MemoryEntry[];
  readonly drop: readonly string[];
  readonly forget: readonly MemoryEntry[];
  readonly push: readonly { readonly path: string; readonly memory: MemoryEntry | undefined }[];
  readonly refused: readonly { readonly path: string; readonly why: string }[];
}

const maxSegmentBytes = 255;
export const reservedMemoryFilePrefix = '.corral-memory';
const isOwn = (path: string): boolean =>
  path.split('/').some((segment) => segment.startsWith(reservedMemoryFilePrefix));
const isPlaceable = (path: string): boolean =>
  !isOwn(path) && path.split('/').every((segment) => Buffer.byteLength(segment) <= maxSegmentBytes);

export const memoryFilePathOf = ({ path }: Pick<MemoryEntry, 'path'>): string => path.slice(1);

/**
 * Follows the rules of Anthropic's SDKs: the store's text wins if both sides changed a file, except after a deletion in
 * the store. `refusal`: why the agent's changes are not accepted.
 */
export function mergeMemoryFolder(
  { files, agreed = new Map(), whole }: MemoryFolderState,
  memories: readonly MemoryEntry[],
  refusal: string | undefined,
): MemoryFolderMerge {
  const isWritable = refusal === undefined;
  const merge = {
    agreed: new Map<string, string>(),
    pull: [] as MemoryEntry[],
    drop: [] as string[],
    forget: [] as MemoryEntry[],
    push: [] as { path: string; memory: MemoryEntry | undefined }[],
    refused: [] as { path: string; why: string }[],
  };
  const inStore = new Map(
    memories.filter((one) => isPlaceable(memoryFilePathOf(one))).map((one) => [memoryFilePathOf(one), one]),
  );
  for (const [path, memory] of inStore) {
    const [file, base] = [files.get(path), agreed.get(path)];
    const isSameInStore = memory.sha256 === base;
    if (file === memory.sha256) {
      merge.agreed.set(path, memory.sha256);
      continue;
    }
    if (base !== undefined) merge.agreed.set(path, base);
    if (!isWritable || !isSameInStore) merge.pull.push(memory);
    else if (file === undefined) {
      if (whole) merge.forget.push(memory);
    } else if (file === null) merge.refused.push({ path, why: unreadableTextReason });
    else merge.push.push({ path, memory });
  }
  for (const [path, file] of files) {
    if (inStore.has(path)) continue;
    const base = agreed.get(path);
    if (base !== undefined) merge.agreed.set(path, base);
    if (file === null) merge.refused.push({ path, why: unreadableTextReason });
    else if (file === base) merge.drop.push(path);
    else if (isWritable) merge.push.push({ path, memory: undefined });
    else merge.refused.push({ path, why: refusal });
  }
  return merge;
}

export const unreadableTextReason = 'a memory is a readable text file of at most 102,400 bytes';
