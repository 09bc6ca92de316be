import { basename, dirname, join } from 'node:path';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import { type CgroupParent, cgroupFolder, splitWords, writeCgroupLimit } from './cgroup-parents.ts';
import type { CgroupFiles } from './files.ts';
import { type CpuShareLevel, cpuShareFiles, type LimitName, oomFiles, type RequestedLimits } from './limits.ts';

export interface Cgroups {
  readonly limits: readonly LimitName[];
  /** The groups need not exist yet. Record the paths, because a later server could use others. */
  foldersOf(name: string): string[];
  make(name: string, limits: RequestedLimits): Promise<SandboxCgroup>;
  share(name: string, share: CpuShareLevel): void;
  /** Kills every process in the groups. Resolves once the groups are gone. */
  end(folders: readonly string[], signal: AbortSignal): Promise<void>;
  oomKills(folders: readonly string[]): Promise<number>;
  names(): Promise<string[]>;
}
export interface SandboxCgroup {
  /** A process enters the groups by writing 0 into each of these files. */
  readonly enter: readonly string[];
  /** The groups that the daemon reads counters from, and their paths inside the sandbox. */
  readonly shown: readonly (readonly [folder: string, path: string])[];
}

interface Options {
  readonly places: readonly CgroupParent[];
  readonly files: CgroupFiles;
  readonly installation: string;
}

export function createCgroups({ places, files, installation }: Options): Cgroups {
  const prefix = `${installation}.`;
  const pathOf = ({ folder }: CgroupParent, name: string) => join(folder, prefix + name);
  const foldersOf = (name: string) => places.map((place) => pathOf(place, name));

  async function kill(folder: string, signal: AbortSignal): Promise<void> {
    const procs = async () => splitWords(await files.read(join(folder, 'cgroup.procs'))).map(Number);
    for (let waitMs = 2; !(await files.remove(folder)); waitMs = Math.min(2 * waitMs, 100)) {
      await files.write(join(folder, 'pids.max'), '0').catch(() => {}); // prevents new processes
      await files.write(join(folder, 'cgroup.kill'), '1').catch(() => {}); // version 2, since Linux 5.14
      const inside = (await procs()).filter((pid) => pid > 0);
      if (inside.length > 0) await files.kill(inside, procs);
      await sleep(waitMs, signal);
    }
  }

  return {
    limits: places.flatMap(({ limits }) => limits),
    foldersOf,
    async make(name, requestedLimits) {
      for (const place of places) {
        const path = pathOf(place, name);
        await files.make(path);
        for (const limit of place.limits)
          await writeCgroupLimit(files, { path, version: place.version, limit, values: requestedLimits });
      }
      return {
        enter: foldersOf(name).map((folder) => join(folder, 'cgroup.procs')),
        shown: places.flatMap((place) => {
          const seen = place.version === 2 ? [''] : place.controllers.map((controller) => `/${controller}`);
          return seen.map((below) => [pathOf(place, name), `/sys/fs/cgroup${below}`] as const);
        }),
      };
    },
    share(name, share) {
      for (const place of places.filter(({ limits }) => limits.includes('cpus'))) {
        const line = cpuShareFiles[place.version];
        try {
          files.writeNow(join(pathOf(place, name), line.file), line[share]);
        } catch {} // the group is already gone
      }
    },
    async end(folders, signal) {
      const ours = folders.filter((folder) => basename(dirname(folder)) === cgroupFolder);
      await Promise.all(ours.map((folder) => kill(folder, signal)));
    },
    async oomKills(folders) {
      for (const folder of folders) {
        for (const file of oomFiles) {
          const found = /^oom_kill (\d+)$/m.exec((await files.read(join(folder, file))) ?? '')?.[1];
          if (found !== undefined) return Number(found);
        }
      }
      return 0;
    },
    async names() {
      const all = (await Promise.all(places.map(({ folder }) => files.children(folder)))).flat();
      const ours = all.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
      return [...new Set(ours)];
    },
  };
}
