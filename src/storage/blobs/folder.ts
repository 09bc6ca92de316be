import { constants, copyFile, link, mkdir, open, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import { type BlobStore, type ByteRange, requireValidBlobKey } from '../../core/contracts/blobs.ts';
import { AppError } from '../../core/errors/errors.ts';
import { Spool, toDiskError } from './spool.ts';

interface FolderOptions {
  readonly name: 'local' | 'volume';
  readonly root: string;
}
const staleMs = 60 * 60 * 1000; // no upload takes this long
/** Equals the frame size of transfers to a sandbox. */
const pieceBytes = 256 * 1024;
const withoutLinks: ReadonlySet<string> = new Set([
  'EPERM',
  'EMLINK',
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EXDEV',
  'EACCES',
]);

/** Creates the folder if it does not exist. */
export const openLocalBlobs = (root: string, now: number): Promise<BlobStore> =>
  folderBlobs({ name: 'local', root }, now);

/** Does not create a missing folder. Rejects: invalid_request. */
export async function openMountedBlobs(root: string, now: number): Promise<BlobStore> {
  const isFolder = await stat(root).then(
    (it) => it.isDirectory(),
    () => false,
  );
  if (isFolder) return await folderBlobs({ name: 'volume', root }, now);
  throw new AppError(
    'invalid_request',
    `CORRAL_STORAGE_KIND is volume, and ${root} (CORRAL_STORAGE_PATH) is not a folder: is the volume mounted?`,
  );
}

async function folderBlobs({ name, root }: FolderOptions, now: number): Promise<BlobStore> {
  // The spool shares the blobs' file system, because only then is a rename atomic.
  const spool = new Spool(join(root, 'incoming'));
  await mkdir(root, { recursive: true, mode: 0o700 });
  await spool.sweep(staleMs, now);
  const pathOf = (key: string) => join(root, 'blobs', key.slice(0, 2), requireValidBlobKey(key));
  return {
    name,
    async put(key, content, options) {
      const path = pathOf(key);
      await using spooled = await spool.take(content, options);
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await rename(spooled.path, path);
        await flush(dirname(path));
      } catch (thrown) {
        throw toDiskError(thrown);
      }
      return { size: spooled.size, sha256: spooled.sha256 };
    },
    async copy(from, to) {
      const path = pathOf(to);
      try {
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await rm(path, { force: true });
        await linkOrCopy(pathOf(from), path);
        await flush(dirname(path));
      } catch (thrown) {
        throw toDiskError(thrown);
      }
    },
    async open(key, range) {
      try {
        return await openStream(pathOf(key), range);
      } catch (thrown) {
        throw toDiskError(thrown);
      }
    },
    delete: (key) => rm(pathOf(key), { force: true }),
    async check(signal) {
      throwIfAborted(signal);
      await stat(root).catch((thrown: unknown) => {
        throw new AppError('store_unavailable', 'The folder for files no longer exists.', { cause: thrown });
      });
    },
  };
}

/** An open file survives the deletion or replacement of its blob. */
async function openStream(path: string, range: ByteRange | undefined): Promise<Readable> {
  const file = await open(path);
  return file.createReadStream({ highWaterMark: pieceBytes, ...(range && { start: range.start, end: range.end }) });
}

/** A hard link is safe, because blobs never change. */
async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (thrown) {
    if (!withoutLinks.has((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    await using copied = await open(to, 'r+');
    await copied.sync();
  }
}

/** Syncs the folder, so that the new name survives a power failure. */
async function flush(folder: string): Promise<void> {
  await using handle = await open(folder);
  await handle.sync();
}
