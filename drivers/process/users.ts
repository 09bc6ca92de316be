import { execFile } from 'node:child_process';
import { chown, mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { sleep } from '../../src/core/concurrency/cancel.ts';
import { AppError } from '../../src/core/errors/errors.ts';
import type { SandboxId } from '../../src/core/model/ids.ts';
import type { SandboxFolders } from '../shared/folders.ts';
import type { UserIdRange } from '../shared/user-range.ts';
import { computeInstallationId } from './cgroup/open.ts';
import { acquireMachineLock } from './proc.ts';

/** Gives each sandbox its own user, because the kernel's quotas apply per user. */
export interface SandboxUserIdAllocator {
  /** Stable while the sandbox's folder exists. Rejects with sandbox_capacity. */
  assignUser(id: SandboxId, signal: AbortSignal): Promise<number>;
  release(id: SandboxId, remove: () => Promise<void>): Promise<void>;
}

export function openSandboxUserIdAllocator(
  folders: SandboxFolders,
  { first, last }: UserIdRange,
): SandboxUserIdAllocator {
  const claims = join(folders.root, 'users');
  const claimOf = (user: number) => join(claims, String(user));
  const recordOf = (id: SandboxId) => join(folders.home(id), 'user');
  const number = (text: string | undefined) => (text && /^\d{1,10}$/.test(text) ? Number(text) : undefined);
  const recorded = async (id: SandboxId) => number(await readFile(recordOf(id), 'utf8').catch(() => undefined));

  async function claim(id: SandboxId): Promise<number | undefined> {
    const taken = new Set((await readdir(claims)).map(Number));
    const count = last - first + 1;
    // Installations with the same range start at different ids, so they rarely collide.
    const begin = parseInt(computeInstallationId(folders.root).slice(0, 8), 16) % count;
    for (let n = 0; n < count; n++) {
      const user = first + ((begin + n) % count);
      if (taken.has(user)) continue;
      await writeFile(claimOf(user), id, { flag: 'wx', mode: 0o600 });
      return user;
    }
    return undefined;
  }

  async function sweep(): Promise<void> {
    const present = new Set<string>(await folders.ids());
    for (const user of await readdir(claims)) {
      const owner = await readFile(join(claims, user), 'utf8').catch(() => '');
      if (!present.has(owner)) await rm(join(claims, user), { force: true });
    }
  }

  return {
    async assignUser(id, signal) {
      const known = await recorded(id);
      if (known !== undefined) return known;
      await using _ = await acquireMachineLock(`${folders.root} users`, signal);
      await mkdir(claims, { recursive: true, mode: 0o700 });
      let user = await claim(id);
      if (user === undefined) {
        await sweep();
        user = await claim(id);
      }
      if (user === undefined) {
        throw new AppError(
          'sandbox_capacity',
          `All ${last - first + 1} user ids for sandboxes are in use by sessions that are running or have files. ` +
            'Delete sessions, or widen CORRAL_PROCESS_USERS.',
        );
      }
      await writeFile(recordOf(id), String(user), { mode: 0o600 });
      return user;
    },
    async release(id, remove) {
      const user = await recorded(id);
      await remove();
      if (user === undefined) return;
      const owner = await readFile(claimOf(user), 'utf8').catch(() => undefined);
      if (owner === id) await rm(claimOf(user), { force: true });
    },
  };
}

/** `chown -R` changes the folder itself last, so an interrupted change is detected and repeated. */
export async function chownTree(user: number, workspace: string, signal: AbortSignal): Promise<void> {
  if ((await stat(workspace)).uid === user) return;
  if ((await readdir(workspace)).length === 0) return chown(workspace, user, user);
  const input = promisify(execFile)('chown', ['-hRP', '--', `${user}:${user}`, workspace], { signal });
  await input.catch(async (cause) => {
    await sleep(0, signal);
    throw new AppError('sandbox_unavailable', `The owner of the workspace could not be changed to user ${user}.`, {
      cause,
    });
  });
}
