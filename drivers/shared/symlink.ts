import { readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A symbolic link in a folder, to another name in the same folder. */
export interface SymlinkSpec {
  readonly path: string;
  readonly to: string;
  /** An unused name in the same folder. */
  readonly temporaryName: string;
}

const leadsTo = (path: string) => readlink(path).catch(() => undefined);

/** Creates the link, atomically replacing an earlier one of that name. */
export async function createSymlink({ path, to, temporaryName }: SymlinkSpec): Promise<void> {
  if ((await leadsTo(path)) === to) return;
  const temporary = join(dirname(path), temporaryName);
  await symlink(to, temporary);
  await rename(temporary, path);
}

/** Removes the link, unless it points elsewhere by now. */
export async function removeSymlink({ path, to }: SymlinkSpec): Promise<void> {
  if ((await leadsTo(path)) === to) await unlink(path).catch(() => {});
}
