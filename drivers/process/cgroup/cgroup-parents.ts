import { basename, dirname, join, relative } from 'node:path';
import type { CgroupFiles } from './files.ts';
import {
  cpuShareFiles,
  type LimitName,
  limitControllers,
  limitNames,
  type RequestedLimits,
  toLimitFiles,
} from './limits.ts';

interface CgroupHierarchy {
  readonly version: 1 | 2;
  /** Controllers of a version 1 hierarchy. Version 2 lists them in a file. */
  readonly controllers: readonly string[];
  readonly mount: string;
  readonly own: string;
}

export function parseHierarchies(mountinfo: string, cgroup: string): CgroupHierarchy[] {
  const membership = cgroup.split('\n').flatMap((line) => {
    const [, id, names, path] = /^(\d+):([^:]*):(\/.*)$/.exec(line) ?? [];
    return id === undefined || path === undefined ? [] : [{ names: names?.split(',').filter(Boolean) ?? [], path }];
  });
  return mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ');
    const [, , , root, mount] = before.split(' ').map(unescaped);
    const [type, , options = ''] = after.split(' ');
    if (root === undefined || mount === undefined || !type?.startsWith('cgroup')) return [];
    const version = type === 'cgroup2' ? 2 : 1;
    const superOptions = options.split(',');
    const member = membership.find(({ names }) =>
      version === 2 ? names.length === 0 : names.length > 0 && names.every((name) => superOptions.includes(name)),
    );
    if (!member) return [];
    // A container's own group may be outside the visible part of the tree.
    const inside = relative(root, member.path);
    const own = inside.startsWith('..') ? mount : join(mount, inside);
    return [{ version, controllers: member.names, mount, own } as const];
  });
}

/** mountinfo escapes spaces in paths as octal numbers. */
const unescaped = (text: string) => text.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)));

export interface CgroupParent {
  readonly version: 1 | 2;
  /** Other installations on the machine may use the same folder. */
  readonly folder: string;
  readonly limits: readonly LimitName[];
  readonly controllers: readonly string[];
}
interface Search {
  readonly files: CgroupFiles;
  readonly hierarchies: readonly CgroupHierarchy[];
  /** Pids of the server and its ancestors. The search may move them to another group. */
  readonly own: readonly number[];
}

export const cgroupFolder = 'corral';
const serverGroup = 'corral-server';
const trial: RequestedLimits = { memoryBytes: 2 ** 26, pids: 32, cpus: 1 };
let trials = 0;

/** In each hierarchy, finds the group that supports the most limits. */
export async function findCgroupParents(search: Search): Promise<CgroupParent[]> {
  const found: CgroupParent[] = [];
  for (const hierarchy of search.hierarchies) {
    const requested = await findAvailableLimits(search.files, hierarchy);
    const counts = hierarchy.version === 1 && hierarchy.controllers.includes('cpuacct');
    const open = requested.filter((limit) => !found.some(({ limits }) => limits.includes(limit)));
    if (open.length === 0 && !counts) continue;
    let best: CgroupParent | undefined;
    for (const parent of parentsIn(hierarchy)) {
      const place = await tryPlace(search, hierarchy, { parent, limits: open });
      if (place && (!best || place.limits.length > best.limits.length)) best = place;
      if (best?.limits.length === open.length) break;
    }
    if (best) found.push(best);
  }
  return found;
}

async function findAvailableLimits(
  files: CgroupFiles,
  { version, controllers, mount }: CgroupHierarchy,
): Promise<LimitName[]> {
  const has = version === 1 ? controllers : splitWords(await files.read(join(mount, 'cgroup.controllers')));
  return limitNames.filter((limit) => has.includes(limitControllers[limit]));
}

function parentsIn({ mount, own }: CgroupHierarchy): string[] {
  const delegated = own === mount ? [] : [dirname(own), own];
  const mine = delegated.filter((path) => basename(path) !== serverGroup);
  return [...new Set([mount, ...mine])];
}

async function tryPlace(
  { files, own }: Search,
  { version, controllers }: CgroupHierarchy,
  { parent, limits: requested }: { parent: string; limits: readonly LimitName[] },
): Promise<CgroupParent | undefined> {
  const folder = join(parent, cgroupFolder);
  const probe = join(folder, `probe-${process.pid}-${++trials}`);
  try {
    await files.make(folder);
    const { file, usual } = cpuShareFiles[version];
    await files.write(join(folder, file), usual).catch(() => {}); // resets a weight set by an older version
    if (version === 2) {
      if (!(await enable(files, parent, requested))) {
        await stepAside(files, parent, own);
        await enable(files, parent, requested);
      }
      await enable(files, folder, requested);
    }
    await files.make(probe);
    const limits: LimitName[] = [];
    for (const limit of requested) {
      const isHeld = await writeCgroupLimit(files, { path: probe, version, limit, values: trial }).then(
        () => true,
        () => false,
      );
      if (isHeld) limits.push(limit);
    }
    if (!(await files.canEnter([join(probe, 'cgroup.procs')]))) return undefined;
    return { version, folder, limits, controllers };
  } catch {
    return undefined;
  } finally {
    await files.remove(probe).catch(() => {});
  }
}

export async function writeCgroupLimit(
  files: CgroupFiles,
  {
    path,
    version,
    limit,
    values: requestedLimits,
  }: { path: string; version: 1 | 2; limit: LimitName; values: RequestedLimits },
): Promise<void> {
  for (const { file, value, optional } of toLimitFiles(version, limit, requestedLimits)) {
    await files.write(join(path, file), value).catch((error) => {
      if (!optional) throw error;
    });
  }
}

/** False if the kernel refused a controller. */
async function enable(files: CgroupFiles, path: string, requested: readonly LimitName[]): Promise<boolean> {
  const file = join(path, 'cgroup.subtree_control');
  const passed = splitWords(await files.read(file));
  const missing = requested
    .map((limit) => limitControllers[limit])
    .filter((controller) => !passed.includes(controller));
  let isWhole = true;
  for (const controller of missing) {
    await files.write(file, `+${controller}`).catch(() => {
      isWhole = false;
    });
  }
  return isWhole;
}

/** In version 2, a group that contains processes cannot enable controllers for children. */
async function stepAside(files: CgroupFiles, group: string, own: readonly number[]): Promise<void> {
  const inside = splitWords(await files.read(join(group, 'cgroup.procs'))).map(Number);
  if (inside.length === 0 || !inside.every((pid) => own.includes(pid))) return;
  const aside = join(group, serverGroup);
  await files.make(aside);
  for (const pid of inside) await files.write(join(aside, 'cgroup.procs'), `${pid}`).catch(() => {});
}

export const splitWords = (text: string | undefined) => text?.split(/\s+/).filter(Boolean) ?? [];
