import { readlink, rename, symlink, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** A name in a folder that leads to another one there. */
export interface Pointer {
  readonly path: string;
  readonly to: string;
  /** A free name in the same folder. */
  readonly temporaryName: string;
}

const leadsTo = (path: string) => readlink(path).catch(() => undefined);

/** Takes the place of whatever had that name in one step. */
export async function point({ path, to, temporaryName }: Pointer): Promise<void> {
  if ((await leadsTo(path)) === to) return;
  const temporary = join(dirname(path), temporaryName);
  await symlink(to, temporary);
  await rename(temporary, path);
}

/** Nothing where it leads elsewhere by now. */
export async function unpoint({ path, to }: Pointer): Promise<void> {
  if ((await leadsTo(path)) === to) await unlink(path).catch(() => {});
}
