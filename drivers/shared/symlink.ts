import { readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface SymlinkSpec {
  readonly path: string;
  readonly to: string;
  readonly temporaryName: string;
}

const leadsTo = (path: string) => readlink(path).catch(() => undefined);

/** Atomically replaces an earlier link of that name. */
export async function createSymlink({ path, to, temporaryName }: SymlinkSpec): Promise<void> {
  if ((await leadsTo(path)) === to) return;
  const temporary = join(dirname(path), temporaryName);
  await symlink(to, temporary);
  await rename(temporary, path);
}

export async function removeSymlink({ path, to }: SymlinkSpec): Promise<void> {
  if ((await leadsTo(path)) === to) await unlink(path).catch(() => {});
}
