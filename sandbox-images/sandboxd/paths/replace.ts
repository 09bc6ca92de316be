import { constants, type Stats } from 'node:fs';
import { access, open, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { FileMetadata } from '../../../src/core/model/sandboxes/file-metadata.ts';
import { type SystemPath, toSystemPath } from '../files/byte-names.ts';
import { makeFolders } from '../files/make-folders.ts';
import {
  readRealPath,
  renameIntoPlace,
  resolveNewFilePath,
  type StagedFile,
  stageFile,
  withFileNameLock,
  writeFileChunks,
} from '../files/replace-file.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import type { FileMetadataStore } from './metadata.ts';

const { O_NOCTTY, O_NONBLOCK, O_TRUNC, O_WRONLY, W_OK } = constants;

interface Replacement {
  /** A folder for content that cannot be staged next to its target. */
  readonly spare: string;
  readonly store: Pick<FileMetadataStore, 'write' | 'clear'>;
  readonly metadata: FileMetadata;
}

/**
 * Creates missing folders. The content goes to a hidden file first, so an interrupted transfer leaves the old file intact. Links
 * are followed; mode, owner and other hard links are kept. Devices and pipes are written directly.
 */
export async function replaceFileContent(
  full: string,
  content: AsyncIterable<Uint8Array>,
  { spare, store, metadata }: Replacement,
): Promise<void> {
  const isMarked = Object.keys(metadata).length > 0;
  const before = await stat(await toSystemPath(full)).catch(() => undefined);
  if (before && !before.isFile() && isMarked)
    throw createBadRequestError(`${full} is not a regular file and keeps no metadata.`);
  if (before && !before.isFile()) return await writeInto(full, O_WRONLY | O_NONBLOCK, content);
  // Some parts of /proc have no readable real path.
  const target = await readRealPath(await toSystemPath(full)).catch(() => (before ? full : resolveNewFilePath(full)));
  await makeFolders(dirname(target));
  const place = await toSystemPath(target);
  if (before) await access(place, W_OK); // a rename does not check the file's own permission
  const folder = await toSystemPath(dirname(target));
  const inFolder = (name: string) =>
    typeof folder === 'string' ? join(folder, name) : Buffer.concat([folder, Buffer.from(`/${name}`)]);
  const own = basename(target);
  const parent = { name: own, at: (name: string) => (name === own ? place : inFolder(name)), ...undisposed };
  await using staged = await stageNear(parent.at, before, spare);
  if (isMarked && !staged.isElsewhere) await store.write(staged.path, metadata, full);
  await writeFileChunks(staged.handle, content);
  const copy = async () => {
    if (isMarked) await store.write(target, metadata, full);
    else await store.clear(target);
    await copyInto(target, staged);
  };
  if (before && (before.nlink > 1 || staged.isElsewhere || !(await takeOver(staged, before)))) {
    return await withFileNameLock(parent, copy);
  }
  if (!before) await staged.handle.chmod(0o644);
  await renameIntoPlace(parent, staged).catch(async (thrown: NodeJS.ErrnoException) => {
    if (!before || !refusals.has(thrown.code ?? '')) throw thrown;
    await withFileNameLock(parent, copy);
  });
}
const undisposed = { [Symbol.asyncDispose]: async () => {} };

/** System errors that mean that no file can be created or renamed: a mounted file, /proc, another user's folder. */
const refusals = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EBUSY', 'EXDEV']);

/** An existing file can often be written where none can be created. Its content is then staged in the spare folder. */
async function stageNear(at: (name: string) => SystemPath, before: Stats | undefined, spare: string) {
  try {
    const staged = await stageFile(at, before);
    return Object.assign(staged, { isElsewhere: false });
  } catch (thrown) {
    if (!before || !refusals.has((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown;
    return Object.assign(await stageFile((name) => join(spare, name), before), { isElsewhere: true });
  }
}

/** Gives the new file the old one's mode and owner. False if the system does not permit it. */
async function takeOver({ handle }: StagedFile, { uid, gid, mode }: Stats): Promise<boolean> {
  const own = await handle.stat();
  if (own.uid !== uid || own.gid !== gid) {
    const isTaken = await handle.chown(uid, gid).then(
      () => true,
      () => false,
    );
    if (!isTaken) return false;
  }
  await handle.chmod(mode & 0o777);
  return true;
}

/** Only a full disk or the daemon's death can interrupt this, because the content is already on disk. */
async function copyInto(target: string, { handle }: StagedFile): Promise<void> {
  await writeInto(target, O_WRONLY | O_TRUNC, handle.createReadStream({ start: 0, autoClose: false }));
}

async function writeInto(target: string, flags: number, content: AsyncIterable<Uint8Array>): Promise<void> {
  await using handle = await open(await toSystemPath(target), flags | O_NOCTTY);
  await writeFileChunks(handle, content);
}
