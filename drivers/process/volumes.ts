import { execFile } from 'node:child_process';
import { chmod, lstat, mkdir, readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AppError } from '../../src/core/errors/errors.ts';
import { VolumeId } from '../../src/core/model/ids.ts';
import type { MountedVolume, VolumeHost } from '../driver.ts';
import { removeTree, type SandboxFolders } from '../shared/folders.ts';
import { chownTree } from './users.ts';

export interface FolderVolume extends MountedVolume {
  readonly folder: string;
}
interface NewOwner {
  /** Undefined: all sandboxes share the server's user, so owners stay unchanged. */
  readonly user: number | undefined;
}
export interface FolderVolumes extends VolumeHost {
  /** Changes the owner of writable volumes to the sandbox's user. Rejects with sandbox_unavailable. */
  bind(volumes: readonly MountedVolume[], to: NewOwner, signal: AbortSignal): Promise<readonly FolderVolume[]>;
}

/** The server never opens the files in a volume. */
export function createFolderVolumes({ root }: Pick<SandboxFolders, 'root'>): FolderVolumes {
  const base = join(root, 'volumes');
  const folderOf = (id: VolumeId) => join(base, id);
  const names = () => readdir(base).catch(() => []);

  return {
    async makeVolume(id) {
      await mkdir(base, { recursive: true, mode: 0o700 });
      await mkdir(folderOf(id), { mode: 0o755 }).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw failed('made', error);
      });
      await chmod(folderOf(id), 0o755); // `mkdir` applies the umask, but other users must be able to read the folder
    },
    async volumes() {
      const there = await names();
      for (const name of there.filter((one) => one.startsWith(removedPrefix))) await remove(join(base, name));
      return there.flatMap((name) => VolumeId.safeParse(name).data ?? []);
    },
    async removeVolume(id) {
      const aside = join(base, `${removedPrefix}${id}`);
      await remove(aside);
      const isThere = await rename(folderOf(id), aside).then(
        () => true,
        (error: NodeJS.ErrnoException) => {
          if (error.code === 'ENOENT') return false;
          throw failed('removed', error);
        },
      );
      if (isThere) await remove(aside);
    },
    async bind(volumes, { user }, signal) {
      const bound: FolderVolume[] = [];
      for (const mount of volumes) {
        const folder = folderOf(mount.volume);
        const found = await lstat(folder).catch(() => undefined);
        if (!found?.isDirectory()) {
          throw new AppError('sandbox_unavailable', `The volume ${mount.volume} at ${mount.path} is gone.`);
        }
        if (user !== undefined && mount.access === 'write') await chownTree(user, folder, signal);
        bound.push({ ...mount, folder });
      }
      return bound;
    },
  };
}

const removedPrefix = '.removed-';
const failed = (what: string, cause: unknown) =>
  new AppError('sandbox_unavailable', `The folder of the volume could not be ${what}.`, { cause });

/** A sandbox's processes may have revoked the permissions that removal needs. */
async function remove(folder: string): Promise<void> {
  await removeTree(folder).catch(async (error) => {
    await promisify(execFile)('chmod', ['-R', 'u+rwX', folder]).catch(() => {});
    await removeTree(folder).catch(() => {
      throw failed('removed', error);
    });
  });
}
