import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { toSystemPath } from './byte-names.ts';

/**
 * Creates a folder and its missing parents; does not change an existing folder. Node's own recursive `mkdir` never returns inside
 * a folder that was removed while mounted or in use.
 */
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
