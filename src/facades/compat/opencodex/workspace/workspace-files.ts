import { posix } from 'node:path';
import { AppError } from '../../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { trimEndOf } from '../../../../core/text/text.ts';
import { projectFolder } from '../../../../sessions/projects/project-copies.ts';
import { filesBelow, type Listing } from '../../../shared/archive/files-below.ts';
import { mimeType } from '../../../shared/archive/mime.ts';
import type { OpencodexDeps } from '../context.ts';
import type { Content } from '../replies/workspace.ts';

/** The path below `/workspace/`, relative to the workspace. Rejects every other path. */
export function inWorkspace(path: string): string {
  const clean = posix.normalize(path);
  const relative = clean.startsWith('/workspace/') ? trimEndOf(clean.slice('/workspace/'.length), '/') : '';
  if (relative === '') throw new AppError('path_outside', 'Path must be below /workspace/');
  return relative;
}

const from = ({ services: { files } }: OpencodexDeps, { id }: SessionRecord) => ({ files, id });

export const uploadedFiles = (deps: OpencodexDeps, session: SessionRecord, signal: AbortSignal) =>
  filesBelow(from(deps, session), { start: projectFolder, skip: () => false, signal });

const newest = 500;
/** The files that work left in the workspace, newest first. */
export async function outputFiles(deps: OpencodexDeps, session: SessionRecord, signal: AbortSignal): Promise<Listing> {
  const skip = (folder: string) => folder === projectFolder;
  const { files, ...others } = await filesBelow(from(deps, session), { start: '.', skip, signal });
  const sorted = [...files].sort((a, b) => compare(b.modified, a.modified) || compare(a.path, b.path));
  return { files: sorted, ...others };
}
/** The newest files, up to the limit of a list. */
export const newestOf = ({ files, truncated }: Pick<Listing, 'files' | 'truncated'>) => ({
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
