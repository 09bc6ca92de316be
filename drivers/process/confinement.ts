import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { SandboxId } from '../../src/core/model/ids.ts';
import type { SandboxSpec, Weakness } from '../driver.ts';
import type { SandboxFolders } from '../shared/folders.ts';
import type { UserIdRange } from '../shared/user-range.ts';
import { type Bubblewrap, sharedUserId } from './bubblewrap.ts';
import type { Cgroups } from './cgroup/cgroups.ts';
import type { CpuShareLevel, LimitName } from './cgroup/limits.ts';
import type { SandboxConfinement } from './launch.ts';
import { openSandboxUserIdAllocator } from './users.ts';
import { listEnforcedLimits, listIsolationWeaknesses } from './weaknesses.ts';

export interface ProcessConfinement {
  readonly limits: readonly LimitName[];
  readonly weaknesses: readonly Weakness[];
  confine(spec: SandboxSpec, signal: AbortSignal): Promise<SandboxConfinement>;
  /** Resolves with true if the sandbox had groups: its processes cannot leave them, so all have ended. */
  end(id: SandboxId, signal: AbortSignal): Promise<boolean>;
  ranOutOfMemory(id: SandboxId): Promise<boolean>;
  share(id: SandboxId, share: CpuShareLevel): void;
  releaseUser(id: SandboxId, remove: () => Promise<void>): Promise<void>;
  grouped(): Promise<SandboxId[]>;
}
interface Options {
  readonly bubblewrap: Bubblewrap;
  readonly cgroups: Cgroups;
  readonly users: UserIdRange | undefined;
  readonly folders: SandboxFolders;
}

const Recorded = z.array(z.string().startsWith('/'));

export function openProcessConfinement({ bubblewrap, cgroups, users: range, folders }: Options): ProcessConfinement {
  const users = bubblewrap.asRoot && range !== undefined ? openSandboxUserIdAllocator(folders, range) : undefined;
  const known = { bubblewrap, grouped: cgroups.limits, ownUsers: users !== undefined };
  const recordOf = (id: SandboxId) => join(folders.home(id), 'groups.json');

  async function recorded(id: SandboxId): Promise<string[]> {
    return Recorded.parse(JSON.parse(await readFile(recordOf(id), 'utf8').catch(() => '[]')));
  }
  const listFolders = async (id: SandboxId) => [...new Set([...(await recorded(id)), ...cgroups.foldersOf(id)])];

  return {
    limits: listEnforcedLimits(known),
    weaknesses: listIsolationWeaknesses(known),
    async confine({ id, limits }, signal) {
      const user = users ? await users.assignUser(id, signal) : sharedUserId;
      const draft = `${recordOf(id)}.new`;
      await writeFile(draft, JSON.stringify(cgroups.foldersOf(id)), { mode: 0o600 });
      await rename(draft, recordOf(id));
      return {
        bubblewrap,
        user,
        group: await cgroups.make(id, limits),
        grouped: cgroups.limits,
      };
    },
    async end(id, signal) {
      const wereGrouped = (await recorded(id)).length > 0;
      await cgroups.end(await listFolders(id), signal);
      await rm(recordOf(id), { force: true });
      return wereGrouped;
    },
    ranOutOfMemory: async (id) => (await cgroups.oomKills(await listFolders(id))) > 0,
    share: (id, share) => cgroups.share(id, share),
    releaseUser: async (id, remove) => (users ? users.release(id, remove) : remove()),
    grouped: async () => (await cgroups.names()).flatMap((name) => SandboxId.safeParse(name).data ?? []),
  };
}
