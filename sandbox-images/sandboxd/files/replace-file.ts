import { randomBytes } from 'node:crypto';
import { type BigIntStats, constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createKeyedQueue } from '../../../src/core/concurrency/keyed-queue.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import { type SystemPath, toSystemPath } from './byte-names.ts';
import { type ConfinedPaths, type ParentFolderHandle, toFileError } from './confined-paths.ts';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants;

/** Creates missing folders. Follows links, even to a missing target. */
export async function withTargetFolder<Value>(
  place: ConfinedPaths,
  path: string,
  work: (parent: ParentFolderHandle, before: Stats | undefined) => Promise<Value>,
): Promise<Value> {
  await using parent = await place.openParent(path, 'make');
  const before = await lstat(parent.at(parent.name)).catch(() => undefined);
  if (before?.isSymbolicLink()) {
    const target = await readRealPath(parent.at(parent.name))
      .catch(async () => resolveNewFilePath(`${await readRealPath(parent.at('.'))}/${parent.name}`))
      .catch((cause) => {
        throw toFileError(cause, path);
      });
    return await withTargetFolder(place, place.locate(target), work);
  }
  if (before) assertRegularFile(before, path);
  try {
    return await work(parent, before);
  } catch (thrown) {
    throw thrown instanceof AppError ? thrown : toFileError(thrown as NodeJS.ErrnoException, path);
  }
}

export const readRealPath = async (path: SystemPath) => decodeFileName(await realpath(path, 'buffer'));

/** Follows links, even if their target does not exist yet. */
export async function resolveNewFilePath(path: string, links = 40): Promise<string> {
  const next = await readlink(await toSystemPath(path), 'buffer').then(decodeFileName, () => undefined);
  if (next === undefined) return path;
  if (links === 0) throw Object.assign(new Error('too many links'), { code: 'ELOOP' });
  return await resolveNewFilePath(resolve(await readRealPath(await toSystemPath(dirname(path))), next), links - 1);
}

interface FileReplacement {
  readonly parent: ParentFolderHandle;
  readonly content: AsyncIterable<Uint8Array>;
  readonly before: Pick<Stats, 'mode'> | undefined;
  /** Called right before the rename. Throw to keep the old file. */
  readonly check?: (now: BigIntStats | undefined) => void;
}
const inOrder = createKeyedQueue();

/** Serializes writes to one name, so that a version check holds until the rename. */
export async function withFileNameLock<Value>(parent: ParentFolderHandle, work: () => Promise<Value>): Promise<Value> {
  const folder = await stat(parent.at('.'), { bigint: true });
  return await inOrder(`${folder.dev}:${folder.ino}/${parent.name}`, work);
}

export async function replaceFile({ parent, content, before, check }: FileReplacement): Promise<BigIntStats> {
  await using staged = await stageFile(parent.at, before);
  await writeFileChunks(staged.handle, content);
  if (before) await staged.handle.chmod(before.mode & 0o777);
  return await renameIntoPlace(parent, staged, check);
}

/** Disposing deletes the file unless it was renamed. */
export interface StagedFile extends AsyncDisposable {
  readonly path: SystemPath;
  readonly handle: FileHandle;
}

/** Watches know this file's name pattern and report only the finished file (`watches/inotify-program.ts`). */
export async function stageFile(
  at: ParentFolderHandle['at'],
  before: Pick<Stats, 'mode'> | undefined,
): Promise<StagedFile> {
  // Random, because a killed daemon leaves its file behind, and pids repeat.
  const path = at(`.corral-${randomBytes(6).toString('hex')}${before ? '' : '.new'}.tmp`);
  const mode = (before?.mode ?? 0o644) & 0o777;
  const handle = await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode);
  return {
    path,
    handle,
    async [Symbol.asyncDispose]() {
      await handle.close();
      await rm(path, { force: true });
    },
  };
}

export async function renameIntoPlace(
  parent: ParentFolderHandle,
  { path, handle }: StagedFile,
  check?: FileReplacement['check'],
): Promise<BigIntStats> {
  const target = parent.at(parent.name);
  return await withFileNameLock(parent, async () => {
    const now = await stat(target, { bigint: true }).catch(() => undefined);
    check?.(now);
    if (now) await makeLater(handle, now);
    const written = await handle.stat({ bigint: true });
    await rename(path, target);
    return written;
  });
}

const second = 1_000_000_000n;

/** Two writes within one tick of the file system's clock need different versions. */
async function makeLater(handle: FileHandle, than: BigIntStats): Promise<void> {
  const { mtimeNs, atimeNs } = await handle.stat({ bigint: true });
  if (mtimeNs > than.mtimeNs || than.mtimeNs - mtimeNs > second) return; // already later, or a program set a time in the future
  const later = Number(than.mtimeNs / 1_000n + 2n) / 1_000_000; // utimes stores whole microseconds
  await handle.utimes(Number(atimeNs / 1_000n) / 1_000_000, later);
}

export function assertRegularFile(stats: Pick<Stats, 'isFile' | 'isDirectory'>, path: string): void {
  if (stats.isFile()) return;
  throw createBadRequestError(stats.isDirectory() ? `${path} is a folder.` : `${path} is not a regular file.`);
}

export async function writeFileChunks(handle: FileHandle, content: AsyncIterable<Uint8Array>): Promise<void> {
  async function write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
  }
  const gathering = new Writable({
    highWaterMark: 1024 * 1024,
    write: (chunk: Uint8Array, _encoding, done) => void write(chunk).then(() => done(), done),
    writev: (parts, done) => void write(Buffer.concat(parts.map(({ chunk }) => chunk))).then(() => done(), done),
  });
  await pipeline(content, gathering);
}
