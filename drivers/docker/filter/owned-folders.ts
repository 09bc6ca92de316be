import { chmod, lstat, mkdir, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../../src/core/errors/errors.ts';

/**
 * Root or the filter's user must own every parent folder, because the engine resolves paths after the filter's check.
 */
export interface SocketFolders {
  readonly root: string;
  path(id: string): string;
  make(id: string): Promise<void>;
  /** Rejects with ENOTEMPTY unless the server has emptied the folder. */
  remove(id: string): Promise<void>;
  isOurs(id: string): Promise<boolean>;
}

/** Rejects with invalid_request if other users could change the folder or its parents. */
export async function openSocketFolders(folder: string): Promise<SocketFolders> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const root = await realpath(folder);
  const self = process.getuid?.() ?? 0;
  await checkOwners(root, self);
  const path = (id: string) => join(root, id);
  return {
    root,
    path,
    async make(id) {
      await mkdir(path(id), { mode: 0o775 }).catch((error) => {
        if (error.code !== 'EEXIST') throw error;
      });
      // Undo the umask: the server needs write access through its group to create sockets here.
      await chmod(path(id), 0o775);
    },
    remove: (id) =>
      rmdir(path(id)).catch((error) => {
        if (error.code !== 'ENOENT') throw error;
      }),
    async isOurs(id) {
      const found = await lstat(path(id)).catch(() => undefined);
      return found?.isDirectory() === true && found.uid === self;
    },
  };
}

async function checkOwners(root: string, self: number): Promise<void> {
  for (let folder = root, below = ''; ; below = folder, folder = dirname(folder)) {
    const { uid, mode } = await lstat(folder);
    const othersWrite = (mode & 0o022) !== 0;
    // In a sticky folder, other users cannot rename the entry below, whose owner was already checked.
    const isSticky = (mode & 0o1000) !== 0 && below !== '';
    if ((uid !== self && uid !== 0) || (othersWrite && !isSticky)) {
      throw new AppError(
        'invalid_request',
        `Users other than the filter's own can change the folder ${folder}, and could make the engine mount ` +
          `anything on this machine into a sandbox. Choose a --root whose path belongs to user ${self} ` +
          'or root, and that no other user can write to.',
      );
    }
    if (folder === dirname(folder)) return;
  }
}
