import { constants } from 'node:fs';
import { cp, type FileHandle, lstat, open, opendir, realpath, rename, rm, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { AppError } from '../../../src/core/errors/errors.ts';
import { isFolderPath } from '../../../src/core/text/file-names.ts';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import type { PathEntry } from '../../../src/sandboxes/client/abilities.ts';
import { type Daemon, daemonLimits, type OpenFile } from '../daemon.ts';
import { toSystemPath } from '../files/byte-names.ts';
import { explainFileError, toFileError } from '../files/confined-paths.ts';
import { readFileChunks } from '../files/files.ts';
import { makeFolders } from '../files/make-folders.ts';
import { createBadRequestError } from '../server/body-fields.ts';
import type { DaemonState } from '../shared-state.ts';
import { readPathEntry } from './entries.ts';
import { resolveAbsolutePath } from './locate.ts';
import { FileMetadataStore, withMetadata } from './metadata.ts';
import { replaceFileContent } from './replace.ts';

export type PathOperations = Pick<
  Daemon,
  'statPath' | 'listPaths' | 'makeFolder' | 'movePath' | 'removePath' | 'openPath' | 'writePath'
>;
const { O_NOCTTY, O_NONBLOCK, O_RDONLY } = constants;

/** Files at any path that the sandbox's user can reach. The system checks permissions. */
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
        // Many files of /proc and /sys report a size of zero.
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
              `${from} is not moved to another disk, because its name is not UTF-8. Rename it first.`,
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
  // Node's types allow only text as names.
  const options = { bufferSize: 1_000, encoding: 'buffer' as BufferEncoding };
  for await (const { name } of await opendir(await toSystemPath(folder), options)) {
    if (names.push(decodeFileName(name as unknown as Buffer)) + entries.length > daemonLimits.entries)
      throw tooMany(folder);
  }
  for (const name of names.sort()) {
    const entry = await readPathEntry(join(folder, name)).catch(() => undefined); // removed in the meantime
    if (!entry) continue;
    if (entries.push(entry) > daemonLimits.entries) throw tooMany(folder);
    if (entry.type !== 'directory' || entry.isLink || depth <= 1) continue;
    await listInto(entries, entry.path, depth - 1).catch(unlessDenied);
  }
}

const tooMany = (path: string) =>
  new AppError('payload_too_large', `${path} has too many entries; at most ${daemonLimits.entries} can be listed.`);

/** An unreadable folder is listed without its content. */
function unlessDenied(thrown: NodeJS.ErrnoException): void {
  if (!['EACCES', 'EPERM', 'ENOENT'].includes(thrown.code ?? '')) throw thrown;
}

/** Maximum bytes to read from a file whose size the system does not report. */
const maxUnsized = 16 * 1024 * 1024;

/** Reads a file to its end, because its reported size can be wrong. */
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

/** Refuses the daemon's own files in /proc, which are not the user's. */
async function notOurs(full: string): Promise<void> {
  const readRealPath = async (path: string) => decodeFileName(await realpath(await toSystemPath(path), 'buffer'));
  const real = await readRealPath(full).catch(() => readRealPath(dirname(full)).catch(() => full));
  if (/^\/proc\/(self|thread-self)(\/|$)/.test(full) || `${real}/`.startsWith(`/proc/${process.pid}/`)) {
    throw new AppError('file_not_found', `There is no file ${full}.`);
  }
}
