import { AppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { FileService } from '../../../sessions/api/files.ts';

export interface WorkspaceFile {
  readonly path: string;
  readonly size: number;
  readonly modified: string;
}
const maxFolders = 5_000;
const maxFiles = 50_000;
/** Maximum combined length of all listed paths, in UTF-16 code units. */
const maxNames = 8 * 1024 * 1024;
const atOnce = 8;
const maxBytes = 50 * 1024 * 1024; // the largest file that a sandbox can send in one call
export const maxArchivedBytes = 1024 * 1024 * 1024;

export interface FolderListing {
  readonly files: readonly WorkspaceFile[];
  readonly emptyFolders: readonly string[];
  /** Paths of links, sockets and the like. */
  readonly others: readonly string[];
  readonly truncated: boolean;
}

/** Skips hidden folders and does not follow links. */
export async function listFilesRecursively(
  { files: service, id }: { readonly files: Pick<FileService, 'list'>; readonly id: SessionId },
  { start, skip, signal }: { start: string; skip: (folder: string) => boolean; signal: AbortSignal },
): Promise<FolderListing> {
  const files: WorkspaceFile[] = [];
  const emptyFolders: string[] = [];
  const others: string[] = [];
  let folders = [start];
  let looked = 0;
  let named = 0;
  let isCut = false;
  const unlisted = (thrown: unknown): [] => {
    if (!(thrown instanceof AppError && thrown.code === 'payload_too_large')) return ifGone(thrown);
    isCut = true;
    return [];
  };
  const isFull = () => files.length + others.length > maxFiles || named > maxNames;
  const look = async (folder: string): Promise<string[]> => {
    const inner: string[] = [];
    const entries = await service.list(id, folder, signal).catch(unlisted);
    if (entries.length === 0 && folder !== start) emptyFolders.push(folder);
    for (const entry of entries) {
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
      named += path.length;
      if (entry.type === 'directory' && !entry.name.startsWith('.') && !skip(path)) inner.push(path);
      if (entry.type === 'other') others.push(path);
      if (entry.type === 'file') files.push({ path, size: entry.size ?? 0, modified: entry.modified });
    }
    return inner;
  };
  while (folders.length > 0) {
    if (looked + folders.length > maxFolders || isFull()) return { files, emptyFolders, others, truncated: true };
    looked += folders.length;
    const next: string[][] = [];
    for (let at = 0; at < folders.length && !isFull(); at += atOnce) {
      next.push(...(await Promise.all(folders.slice(at, at + atOnce).map(look))));
    }
    folders = next.flat();
  }
  return { files, emptyFolders, others, truncated: isCut || isFull() };
}

function ifGone(thrown: unknown): [] {
  const gone =
    thrown instanceof AppError && ['file_not_found', 'invalid_request', 'path_outside'].includes(thrown.code);
  if (!gone) throw thrown;
  return [];
}

/** Call before the first byte is sent. Throws: payload_too_large. */
export function assertFitsArchive({ files, truncated }: FolderListing): void {
  if (truncated)
    throw new AppError('payload_too_large', 'There are too many files to pack: download only what you need');
  const large = files.find(({ size }) => size > maxBytes);
  if (large)
    throw new AppError('payload_too_large', `${large.path} is larger than 50 MiB: download only what you need`);
  if (files.reduce((sum, { size }) => sum + size, 0) > maxArchivedBytes) {
    throw new AppError('payload_too_large', 'The files are larger than 1 GiB together: download only what you need');
  }
}
