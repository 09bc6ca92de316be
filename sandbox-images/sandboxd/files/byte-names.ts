import { constants } from 'node:fs';
import { lstat, mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { splitEscapedFileName } from '../../../src/core/text/files/byte-names.ts';

/** Node's own recursive `mkdir` can hang forever in a removed folder. */
export async function makeFolders(path: string, mode?: number): Promise<void> {
  try {
    await mkdir(await toSystemPath(path), mode);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (code === 'ENOENT' && dirname(path) !== path) {
      await makeFolders(dirname(path), mode);
      await mkdir(await toSystemPath(path), mode).catch((again) => unlessFolder(path, again));
    } else await unlessFolder(path, thrown);
  }
}

async function unlessFolder(path: string, thrown: unknown): Promise<void> {
  const isFolder =
    (thrown as NodeJS.ErrnoException).code === 'EEXIST' && (await stat(await toSystemPath(path))).isDirectory();
  if (!isFolder) throw thrown;
}

export type SystemPath = string | Buffer;

/** Decodes an escaped path into bytes, unless only the literal path or its folder exists. */
export async function toSystemPath(path: string): Promise<SystemPath> {
  const bytes = bytesOfPath(path);
  if (!bytes) return path;
  if (await isThere(bytes)) return bytes;
  if (await isThere(path)) return path;
  const folder = bytesOfPath(dirname(path));
  return !folder || (await isThere(folder)) || !(await isThere(dirname(path))) ? bytes : path;
}

const isThere = (path: SystemPath) =>
  lstat(path).then(
    () => true,
    () => false,
  );

/** A path that is not UTF-8 becomes `/proc/self/fd/N`, because Node requires a string. */
export async function startInFolder<Started>(folder: string, start: (cwd: string) => Started): Promise<Started> {
  const path = await toSystemPath(folder);
  if (typeof path === 'string') return start(path);
  const opened = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return start(`/proc/self/fd/${opened.fd}`);
  } finally {
    void opened.close(); // not awaited: the caller must listen before the process reports its start
  }
}

export const isFolder = async (path: string): Promise<boolean> =>
  (await stat(await toSystemPath(path)).catch(() => undefined))?.isDirectory() ?? false;

function bytesOfPath(path: string): Buffer | undefined {
  const parts = splitEscapedFileName(path);
  return parts && Buffer.concat(parts.map((part, at) => Buffer.from(part, at % 2 === 1 ? 'hex' : 'utf8')));
}
