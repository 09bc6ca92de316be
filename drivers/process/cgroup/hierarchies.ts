import { join, relative } from 'node:path';

/** A mounted tree of control groups. Version 1 has several, each for one or a few controllers; version 2 has one for all. */
export interface CgroupHierarchy {
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
    // A container may see only part of the tree, without its own group.
    const inside = relative(root, member.path);
    const own = inside.startsWith('..') ? mount : join(mount, inside);
    return [{ version, controllers: member.names, mount, own } as const];
  });
}

/** mountinfo escapes spaces in paths as octal numbers. */
const unescaped = (text: string) => text.replace(/\\([0-7]{3})/g, (_, code) => String.fromCharCode(parseInt(code, 8)));
