import { posix } from 'node:path';
import { AppError } from '../../core/errors.ts';
import type { SessionRecord } from '../../core/records.ts';
import { projectFolder } from '../../session/projects/project-copies.ts';
import type { OpencodexDeps } from './context.ts';
import { mimeType } from './mime.ts';
import type { Content } from './replies/workspace.ts';

export interface WorkspaceFile {
  /** Relative to the workspace. */
  readonly path: string;
  readonly size: number;
  readonly modified: string;
}
const maxFolders = 5_000;
const maxFiles = 50_000;
/** Characters of all paths together: a limit, because deep folders have long paths. */
const maxNames = 8 * 1024 * 1024;
const atOnce = 8;

/** The path below `/workspace/`, relative to the workspace. Rejects every other path. */
export function inWorkspace(path: string): string {
  const clean = posix.normalize(path);
  const relative = clean.startsWith('/workspace/') ? clean.slice('/workspace/'.length).replace(/\/+$/, '') : '';
  if (relative === '') throw new AppError('path_outside', 'Path must be below /workspace/');
  return relative;
}

export interface Listing {
  readonly files: readonly WorkspaceFile[];
  /** The listing is incomplete, because a limit was reached. */
  readonly truncated: boolean;
}

/** Regular files in and below a folder. Skips hidden folders and follows no link. */
async function filesBelow(
  { services }: OpencodexDeps,
  { id }: SessionRecord,
  { start, skip, signal }: { start: string; skip: (folder: string) => boolean; signal: AbortSignal },
): Promise<Listing> {
  const files: WorkspaceFile[] = [];
  let folders = [start];
  let looked = 0;
  let named = 0;
  let isCut = false;
  const unlisted = (thrown: unknown): [] => {
    if (!(thrown instanceof AppError && thrown.code === 'payload_too_large')) return ifGone(thrown);
    isCut = true; // the folder has more entries than any listing returns
    return [];
  };
  const isFull = () => files.length > maxFiles || named > maxNames;
  const look = async (folder: string): Promise<string[]> => {
    const inner: string[] = [];
    for (const entry of await services.files.list(id, folder, signal).catch(unlisted)) {
      const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
      named += path.length;
      if (entry.type === 'directory' && !entry.name.startsWith('.') && !skip(path)) inner.push(path);
      if (entry.type === 'file') files.push({ path, size: entry.size ?? 0, modified: entry.modified });
    }
    return inner;
  };
  while (folders.length > 0) {
    if (looked + folders.length > maxFolders || isFull()) return { files, truncated: true };
    looked += folders.length;
    const next: string[][] = [];
    for (let at = 0; at < folders.length && !isFull(); at += atOnce) {
      next.push(...(await Promise.all(folders.slice(at, at + atOnce).map(look))));
    }
    folders = next.flat();
  }
  return { files, truncated: isCut || isFull() };
}

function ifGone(thrown: unknown): [] {
  const gone =
    thrown instanceof AppError && ['file_not_found', 'invalid_request', 'path_outside'].includes(thrown.code);
  if (!gone) throw thrown;
  return [];
}

export const uploadedFiles = (deps: OpencodexDeps, session: SessionRecord, signal: AbortSignal) =>
  filesBelow(deps, session, { start: projectFolder, skip: () => false, signal });

const newest = 500;
/** The files that work left in the workspace, newest first. */
export async function outputFiles(deps: OpencodexDeps, session: SessionRecord, signal: AbortSignal): Promise<Listing> {
  const skip = (folder: string) => folder === projectFolder;
  const { files, truncated } = await filesBelow(deps, session, { start: '.', skip, signal });
  const sorted = [...files].sort((a, b) => compare(b.modified, a.modified) || compare(a.path, b.path));
  return { files: sorted, truncated };
}
/** The newest files, up to the limit of a list. */
export const newestOf = ({ files, truncated }: Listing): Listing => ({
  files: files.slice(0, newest),
  truncated: truncated || files.length > newest,
});
const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);

/** Text, an image as a data URI, or nothing for other binary files. */
export function contentOf(path: string, bytes: Buffer): Omit<Content, 'path'> {
  const mime_type = mimeType(path);
  if (mime_type?.startsWith('image/')) {
    return { content: `data:${mime_type};base64,${bytes.toString('base64')}`, is_binary: true, mime_type };
  }
  if (bytes.includes(0)) return { content: '', is_binary: true, mime_type };
  return { content: bytes.toString('utf8'), is_binary: false, mime_type };
}
