import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, opendir, rm, unlink } from 'node:fs/promises';
import { AppError } from '../../../src/core/errors/errors.ts';
import { isFolderPath } from '../../../src/core/text/file-names.ts';
import { decodeFileName } from '../../../src/core/text/files/byte-names.ts';
import type { FileEntry } from '../../../src/sandboxes/client/client.ts';
import { type Daemon, daemonLimits, type OpenFile } from '../daemon.ts';
import { type ConfinedPaths, type ParentFolderHandle, toFileError } from './confined-paths.ts';
import { assertRegularFile, replaceFile, withFileNameLock, withTargetFolder, writeFileChunks } from './replace-file.ts';

const { O_APPEND, O_CREAT, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;

export type FileOperations = Pick<Daemon, 'openFile' | 'writeFile' | 'listFiles' | 'removeFile'>;

export function createFileOperations(place: ConfinedPaths): FileOperations {
  async function openFile(path: string, maxBytes: number | undefined): Promise<OpenFile> {
    const handle = await place.open(path);
    try {
      const stats = await handle.stat();
      assertRegularFile(stats, path);
      const size = Math.min(stats.size, maxBytes ?? Number.POSITIVE_INFINITY);
      if (size > daemonLimits.fileBytes) {
        throw new AppError(
          'payload_too_large',
          `${path} has ${stats.size} bytes; at most 50 MiB can be read in one call.`,
        );
      }
      return { size, chunks: readFileChunks(handle, { start: 0, size }), [Symbol.asyncDispose]: () => handle.close() };
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
  }

  async function append(parent: ParentFolderHandle, content: AsyncIterable<Uint8Array>, path: string) {
    const flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK;
    await using handle = await open(parent.at(parent.name), flags, 0o644);
    assertRegularFile(await handle.stat(), path);
    await writeFileChunks(handle, content);
  }

  async function writeFile(path: string, content: AsyncIterable<Uint8Array>, how: 'replace' | 'append') {
    await withTargetFolder(place, path, async (parent, before) => {
      if (how === 'append') await append(parent, content, path);
      else await replaceFile({ parent, content, before });
    });
  }

  async function listFiles(path: string): Promise<FileEntry[]> {
    const folder = await place.open(path, constants.O_RDONLY | constants.O_DIRECTORY);
    await using _ = folder;
    const at = `/proc/self/fd/${folder.fd}`;
    const entries: FileEntry[] = [];
    for (const name of await namesIn(at, path)) {
      // undefined if the entry was just removed
      const stats = await lstat(Buffer.concat([Buffer.from(`${at}/`), name])).catch(() => undefined);
      if (stats) entries.push(toEntry(decodeFileName(name), stats));
    }
    const rank = (entry: FileEntry) => (entry.type === 'directory' ? 0 : 1);
    return entries.sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  }

  async function removeFile(path: string): Promise<void> {
    await using parent = await place.openParent(path, 'refuse');
    const at = parent.at(parent.name);
    try {
      const stats = await lstat(at);
      if (stats.isDirectory()) await rm(at, { recursive: true });
      else if (isFolderPath(path)) throw Object.assign(new Error(path), { code: 'ENOTDIR' });
      else await withFileNameLock(parent, () => unlink(at));
    } catch (cause) {
      throw toFileError(cause as NodeJS.ErrnoException, path);
    }
  }

  return { openFile, writeFile, listFiles, removeFile };
}

async function namesIn(folder: string, path: string): Promise<Buffer[]> {
  const names: Buffer[] = [];
  // Node's types allow only strings as names.
  const options = { bufferSize: 1_000, encoding: 'buffer' as BufferEncoding };
  for await (const { name } of await opendir(folder, options)) {
    if (names.push(name as unknown as Buffer) <= daemonLimits.entries) continue;
    const most = `at most ${daemonLimits.entries} can be listed. Search it by name instead`;
    throw new AppError('payload_too_large', `${path} has too many entries; ${most}.`);
  }
  return names;
}

function toEntry(name: string, stats: Stats): FileEntry {
  const type = stats.isDirectory() ? 'directory' : stats.isFile() ? 'file' : 'other';
  return { name, type, size: type === 'file' ? stats.size : null, modified: stats.mtime.toISOString() };
}

/** Yields exactly `size` bytes or throws. All chunks share one buffer. */
export async function* readFileChunks(
  handle: FileHandle,
  { start, size }: { readonly start: number; readonly size: number },
): AsyncGenerator<Uint8Array> {
  let position = start;
  const end = start + size;
  const buffer = Buffer.allocUnsafeSlow(Math.min(256 * 1024, size));
  while (position < end) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(buffer.length, end - position), position);
    if (bytesRead === 0) throw new AppError('conflict', 'The file became shorter while it was read.');
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}
