import { chmod, lstat, mkdir, realpath, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { AppError } from '../../../src/core/errors.ts';

/**
 * The folders of the sandboxes' sockets. The engine resolves a path again at every start of a container, long after
 * anybody judged it. So each name on the way there belongs to the filter's user, and the server's user can only write
 * into the last folder: it can neither rename that folder nor put a link in its place.
 */
export interface OwnedFolders {
  readonly root: string;
  path(id: string): string;
  make(id: string): Promise<void>;
  /** Only an empty one: whose it was empties it. Rejects with ENOTEMPTY. */
  remove(id: string): Promise<void>;
  isOurs(id: string): Promise<boolean>;
}

/** Rejects: invalid_request, where another user could change what the folder's path leads to. */
export async function openOwnedFolders(folder: string): Promise<OwnedFolders> {
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
      // Whatever the umask says. The server's group makes sockets in it; the sandbox's user gets in.
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

/** Each folder up to the file system's root, as far as it is seen from here. */
async function checkOwners(root: string, self: number): Promise<void> {
  for (let folder = root, below = ''; ; below = folder, folder = dirname(folder)) {
    const { uid, mode } = await lstat(folder);
    const othersWrite = (mode & 0o022) !== 0;
    // In a sticky folder, such as /tmp, nobody renames what is another's; ours is below it.
    const isSticky = (mode & 0o1000) !== 0 && below !== '';
    if ((uid !== self && uid !== 0) || (othersWrite && !isSticky)) {
      throw new AppError(
        'invalid_request',
        `The folder ${folder} can be changed by other users than the filter's own, who could then have the engine mount ` +
          `anything of this machine into a sandbox. Choose a --root that belongs to user ${self}, as do its parents ` +
          'or to root, and that nobody else can write to.',
      );
    }
    if (folder === dirname(folder)) return;
  }
}
