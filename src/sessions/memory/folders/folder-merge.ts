import type { StoreMemory } from '../../api/server/memory-stores.ts';

/** The files of a memory store's folder. Paths are relative to it. */
export interface FolderState {
  /** The hash of each file; null: it is too long to be a memory, or nobody can read it. */
  readonly files: ReadonlyMap<string, string | null>;
  /** The hashes as folder and store last agreed; undefined: the folder is new, or somebody removed it. */
  readonly agreed: ReadonlyMap<string, string> | undefined;
  /** False: a folder in it was closed, so files can be missing from the list. */
  readonly whole: boolean;
}

/** The work that makes folder and store the same. */
export interface FolderMerge {
  /** Hashes that are equal on both sides before any work. */
  readonly agreed: ReadonlyMap<string, string>;
  /** Memories whose texts go into the folder. */
  readonly pull: readonly StoreMemory[];
  /** Files to delete, because the store no longer has them. */
  readonly drop: readonly string[];
  /** Memories that go, because the agent deleted their files. */
  readonly forget: readonly StoreMemory[];
  /** Files whose texts go into the store, with the memory that each one replaces. */
  readonly push: readonly { readonly path: string; readonly memory: StoreMemory | undefined }[];
  /** Files that stay only in the folder. */
  readonly refused: readonly { readonly path: string; readonly why: string }[];
}

/** The longest name of a file. */
const maxSegmentBytes = 255;
/** The beginning of the names of the folder's own files, which are no memories. */
export const ownFile = '.corral-memory';
const isOwn = (path: string): boolean => path.split('/').some((segment) => segment.startsWith(ownFile));
/** A memory at such a path cannot be a file. */
const isPlaceable = (path: string): boolean =>
  !isOwn(path) && path.split('/').every((segment) => Buffer.byteLength(segment) <= maxSegmentBytes);

export const pathOf = ({ path }: Pick<StoreMemory, 'path'>): string => path.slice(1);

/**
 * Compares three states of each path: in the folder, in the store, and as both last agreed. Each side gets the changes of
 * the other one. Where both changed, the store's text counts, because others rely on it; a file that the store lost, but the agent
 * changed, becomes a memory again. The workers of the SDKs decide in the same way. `refusal`: why the agent's changes do not
 * count; undefined: they do.
 */
export function mergeFolder(
  { files, agreed = new Map(), whole }: FolderState,
  memories: readonly StoreMemory[],
  refusal: string | undefined,
): FolderMerge {
  const isWritable = refusal === undefined;
  const merge = {
    agreed: new Map<string, string>(),
    pull: [] as StoreMemory[],
    drop: [] as string[],
    forget: [] as StoreMemory[],
    push: [] as { path: string; memory: StoreMemory | undefined }[],
    refused: [] as { path: string; why: string }[],
  };
  const inStore = new Map(memories.filter((one) => isPlaceable(pathOf(one))).map((one) => [pathOf(one), one]));
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
    } else if (file === null) merge.refused.push({ path, why: noText });
    else merge.push.push({ path, memory });
  }
  for (const [path, file] of files) {
    if (inStore.has(path)) continue;
    const base = agreed.get(path);
    if (base !== undefined) merge.agreed.set(path, base);
    if (file === null) merge.refused.push({ path, why: noText });
    else if (file === base) merge.drop.push(path);
    else if (isWritable) merge.push.push({ path, memory: undefined });
    else merge.refused.push({ path, why: refusal });
  }
  return merge;
}

export const noText = 'a memory is a readable text file of at most 102,400 bytes';
