import { constants, type Stats } from 'node:fs';
import { access, cp, type FileHandle, lstat, open, opendir, realpath, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { FileMetadata } from '../../../src/core/model/sandboxes/file-metadata.ts';
import { isFolderPath } from '../../../src/core/text/file-names.ts';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import type { PathEntry } from '../../../src/sandboxes/client/abilities.ts';
import { type Daemon, daemonLimits, type OpenFile } from '../daemon.ts';
import { makeFolders, type SystemPath, toSystemPath } from '../files/byte-names.ts';
import { explainFileError, toFileError } from '../files/confined-paths.ts';
import { readFileChunks } from '../files/files.ts';
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
import type { DaemonState } from '../shared-state.ts';
import { readPathEntry, resolveAbsolutePath } from './entries.ts';
import { FileMetadataStore, withMetadata } from './metadata.ts';

export type PathOperations = Pick<
  Daemon,
  'statPath' | 'listPaths' | 'makeFolder' | 'movePath' | 'removePath' | 'openPath' | 'writePath'
>;
const { O_NOCTTY, O_NONBLOCK, O_RDONLY, O_TRUNC, O_WRONLY, W_OK } = constants;

export function createPathOperations(parts: Pick<DaemonState, 'place' | 'env' | 'clock' | 'keepers'>): PathOperations {
  const store = new FileMetadataStore(parts);
  async function at<Result>(path: string, act: (full: string) => Promise<Result>): Promise<Result> {
    const full = resolveAbsolutePath(path, parts);
    try {
      await notOurs(full);
      return await act(full);
    } catch (thrown) {
      if (thrown instanceof AppError) throw thrown;
      throw await explainFileError(await toSystemPath(full), thrown as NodeJS.ErrnoException, path);
    }
  }

  async function openPath(path: string, { from = 0, most = Number.POSITIVE_INFINITY }): Promise<OpenFile> {
    return await at(path, async (full) => {
      const handle = await open(
        await toSystemPath(isFolderPath(path) ? `${full}/` : full),
        O_RDONLY | O_NONBLOCK | O_NOCTTY,
      );
      try {
        const stats = await handle.stat();
        if (!stats.isFile())
          throw createBadRequestError(stats.isDirectory() ? `${path} is a folder.` : `${path} is not a regular file.`);
        // Many files in /proc and /sys report a size of zero.
        const created = stats.size === 0 ? await readContent(handle) : undefined;
        if (created && created.length > 0) {
          const part = created.subarray(from, from + most);
          return { size: part.length, chunks: Readable.from([part]), [Symbol.asyncDispose]: () => handle.close() };
        }
        const start = Math.min(from, stats.size);
        const size = Math.min(stats.size - start, most);
        const chunks = readFileChunks(handle, { start, size });
        return { size, chunks, [Symbol.asyncDispose]: () => handle.close() };
      } catch (thrown) {
        await handle.close();
        throw thrown;
      }
    });
  }

  const one = async (entry: PathEntry): Promise<PathEntry> => (await store.addTo([entry]))[0] ?? entry;

  return {
    openPath,
    statPath: (path, { metadata }) =>
      at(path, async (full) => {
        const entry = await readPathEntry(full);
        const isWorkspace = parts.place.roots.includes(entry.target ?? full);
        const found = { ...entry, ...(isWorkspace && { workspace: true as const }) };
        return metadata ? await one(found) : found;
      }),
    listPaths: (path, { depth, metadata }) =>
      at(path, async (full) => {
        const entries: PathEntry[] = [];
        await listInto(entries, full, depth);
        return metadata ? await store.addTo(entries) : entries;
      }).catch((thrown: AppError) => {
        if ((thrown.cause as NodeJS.ErrnoException | undefined)?.code !== 'ELOOP') throw thrown;
        throw new AppError('conflict', `${path} is a link that leads back to itself.`, { cause: thrown });
      }),
    makeFolder: (path) =>
      at(path, async (full) => {
        const before = await stat(await toSystemPath(full)).catch(() => undefined);
        if (before?.isDirectory()) throw new AppError('conflict', `${path} is already a folder.`);
        if (before) throw createBadRequestError(`${path} exists and is not a folder.`);
        await makeFolders(full, 0o755);
        return await readPathEntry(full);
      }),
    movePath: (from, to) =>
      at(from, async (full) => {
        const target = resolveAbsolutePath(to, parts);
        await notOurs(target);
        const own = await toSystemPath(full);
        const isFolder = (await lstat(own)).isDirectory();
        if (!isFolder && isFolderPath(to)) throw createBadRequestError(`${to} names a folder, and ${from} is a file.`);
        const refused = (thrown: NodeJS.ErrnoException) => Promise.reject(toFileError(thrown, to));
        await makeFolders(dirname(target)).catch(refused);
        const place = await toSystemPath(target);
        await rename(own, place).catch(async (thrown: NodeJS.ErrnoException) => {
          if (thrown.code !== 'EXDEV') return await refused(thrown);
          if (typeof own !== 'string' || typeof place !== 'string')
            throw createBadRequestError(
              `${from} cannot be moved to another disk, because its name is not UTF-8. Rename it first.`,
            );
          await cp(full, target, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
          await store.copy(full, target);
          await rm(full, { recursive: true });
        });
        return await one(await readPathEntry(target));
      }),
    removePath: (path) => at(path, async (full) => rm(await toSystemPath(full), { recursive: true, force: true })),
    writePath: (path, content, metadata) =>
      at(path, async (full) => {
        if (isFolderPath(path)) throw createBadRequestError(`${path} names a folder, not a file.`);
        await replaceFileContent(full, content, { spare: parts.place.root, store, metadata });
        return withMetadata(await readPathEntry(full), metadata);
      }),
  };
}

async function listInto(entries: PathEntry[], folder: string, depth: number): Promise<void> {
  const names: string[] = [];
  // Node's types allow only strings as names.
  const options = { bufferSize: 1_000, encoding: 'buffer' as BufferEncoding };
  for await (const { name } of await opendir(await toSystemPath(folder), options)) {
    if (names.push(decodeFileName(name as unknown as Buffer)) + entries.length > daemonLimits.entries)
      throw tooMany(folder);
  }
  for (const name of names.sort()) {
    const entry = await readPathEntry(join(folder, name)).catch(() => undefined);
    if (!entry) continue;
    if (entries.push(entry) > daemonLimits.entries) throw tooMany(folder);
    if (entry.type !== 'directory' || entry.isLink || depth <= 1) continue;
    await listInto(entries, entry.path, depth - 1).catch(unlessDenied);
  }
}

const tooMany = (path: string) =>
  new AppError('payload_too_large', `${path} has too many entries; at most ${daemonLimits.entries} can be listed.`);

/** An unreadable folder is listed without its contents. */
function unlessDenied(thrown: NodeJS.ErrnoException): void {
  if (!['EACCES', 'EPERM', 'ENOENT'].includes(thrown.code ?? '')) throw thrown;
}

/** Maximum size, in bytes, of files that report a size of zero, such as those in /proc. */
const maxUnsized = 16 * 1024 * 1024;

async function readContent(handle: FileHandle): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (let total = 0; ; ) {
    const { buffer, bytesRead } = await handle.read(Buffer.allocUnsafe(64 * 1024), 0, null, null);
    if (bytesRead === 0) return Buffer.concat(parts);
    parts.push(buffer.subarray(0, bytesRead));
    total += bytesRead;
    if (total > maxUnsized) throw new AppError('payload_too_large', 'The file reports no size and is over 16 MiB.');
  }
}

/** Denies access to the daemon's own files in /proc. */
async function notOurs(full: string): Promise<void> {
  const readRealPath = async (path: string) => decodeFileName(await realpath(await toSystemPath(path), 'buffer'));
  const real = await readRealPath(full).catch(() => readRealPath(dirname(full)).catch(() => full));
  if (/^\/proc\/(self|thread-self)(\/|$)/.test(full) || `${real}/`.startsWith(`/proc/${process.pid}/`)) {
    throw new AppError('file_not_found', `There is no file ${full}.`);
  }
}

interface Replacement {
  readonly spare: string;
  readonly store: Pick<FileMetadataStore, 'write' | 'clear'>;
  readonly metadata: FileMetadata;
}

/** Keeps mode, owner and hard links. An interrupted transfer leaves a regular file intact. */
async function replaceFileContent(
  full: string,
  content: AsyncIterable<Uint8Array>,
  { spare, store, metadata }: Replacement,
): Promise<void> {
  const isMarked = Object.keys(metadata).length > 0;
  const before = await stat(await toSystemPath(full)).catch(() => undefined);
  if (before && !before.isFile() && isMarked)
    throw createBadRequestError(`${full} is not a regular file, so it cannot have metadata.`);
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

/** Errors that prevent creating a file next to the path or renaming it into place, such as EBUSY for a mounted file. */
const refusals = new Set(['EACCES', 'EPERM', 'EROFS', 'ENOENT', 'EBUSY', 'EXDEV']);

async function stageNear(at: (name: string) => SystemPath, before: Stats | undefined, spare: string) {
  try {
    const staged = await stageFile(at, before);
    return Object.assign(staged, { isElsewhere: false });
  } catch (thrown) {
    if (!before || !refusals.has((thrown as NodeJS.ErrnoException).code ?? '')) throw thrown;
    return Object.assign(await stageFile((name) => join(spare, name), before), { isElsewhere: true });
  }
}

/** Returns false if the system does not permit changing the owner. */
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

/** The content is already on disk, so a lost connection cannot interrupt the copy. */
async function copyInto(target: string, { handle }: StagedFile): Promise<void> {
  await writeInto(target, O_WRONLY | O_TRUNC, handle.createReadStream({ start: 0, autoClose: false }));
}

async function writeInto(target: string, flags: number, content: AsyncIterable<Uint8Array>): Promise<void> {
  await using handle = await open(await toSystemPath(target), flags | O_NOCTTY);
  await writeFileChunks(handle, content);
}
