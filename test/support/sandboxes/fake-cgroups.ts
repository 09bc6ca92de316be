import { basename, dirname } from 'node:path';
import type { CgroupFiles } from '../../../drivers/process/cgroup/files.ts';

interface Rules {
  readonly version: 1 | 2;
  /**
   * Version 1: every group has all files of these controllers. Version 2: the controllers that the top group can pass
   * on.
   */
  readonly controllers: readonly string[];
  /** False: nothing can be changed at or below this path. */
  mayWrite?(path: string): boolean;
  /** Whether a process can enter the group; by default where `mayWrite` allows it. */
  mayEnter?(path: string): boolean;
  /** Files that this kernel lacks. */
  readonly without?: readonly string[];
}

const files = {
  1: {
    memory: ['memory.limit_in_bytes', 'memory.memsw.limit_in_bytes', 'memory.oom_control'],
    pids: ['pids.max'],
    cpu: ['cpu.cfs_period_us', 'cpu.cfs_quota_us', 'cpu.shares'],
    cpuacct: ['cpuacct.usage'],
  },
  2: { memory: ['memory.max', 'memory.swap.max', 'memory.events'], pids: ['pids.max'], cpu: ['cpu.max', 'cpu.weight'] },
} as const satisfies Record<1 | 2, Record<string, readonly string[]>>;

/** The kernel's rules for one hierarchy of control groups, as far as the driver depends on them, in memory. */
export function fakeCgroups(top: string, rules: Rules) {
  const groups = new Map<string, { passed: Set<string>; procs: number[]; values: Map<string, string> }>();
  const add = (path: string) => groups.set(path, { passed: new Set(), procs: [], values: new Map() });
  const fail = (code: string) => Object.assign(new Error(code), { code });
  const mayWrite = (path: string) => rules.mayWrite?.(path) ?? true;
  const controllersOf = (path: string): readonly string[] => {
    if (rules.version === 1 || path === top) return rules.controllers;
    return [...(groups.get(dirname(path))?.passed ?? [])];
  };
  const has = (path: string, file: string) => {
    if (
      ['cgroup.procs', ...(rules.version === 2 ? ['cgroup.subtree_control', 'cgroup.controllers'] : [])].includes(file)
    )
      return true;
    if (rules.without?.includes(file)) return false;
    if (file === 'cgroup.kill') return rules.version === 2 && path !== top;
    const known: Record<string, readonly string[]> = files[rules.version];
    return path !== top && controllersOf(path).some((controller) => known[controller]?.includes(file));
  };
  const killed: number[] = [];
  const kill = (pids: readonly number[]) => {
    for (const group of groups.values()) group.procs = group.procs.filter((pid) => !pids.includes(pid));
    killed.push(...pids);
  };
  add(top);

  const port: CgroupFiles = {
    async make(path) {
      if (groups.has(path)) return;
      if (!groups.has(dirname(path))) throw fail('ENOENT');
      if (!mayWrite(dirname(path))) throw fail('EACCES');
      add(path);
    },
    write: async (path, text) => port.writeNow(path, text),
    writeNow(path, text) {
      const [folder, file] = [dirname(path), basename(path)];
      const group = groups.get(folder);
      if (!group || !has(folder, file)) throw fail('ENOENT');
      if (!mayWrite(folder)) throw fail('EACCES');
      if (file === 'cgroup.procs') {
        kill([Number(text)]);
        killed.pop();
        group.procs.push(Number(text));
      } else if (file === 'cgroup.subtree_control') {
        if (!controllersOf(folder).includes(text.slice(1))) throw fail('ENOENT');
        if (folder !== top && group.procs.length > 0) throw fail('EBUSY'); // an inner group cannot have processes
        group.passed.add(text.slice(1));
      } else if (file === 'cgroup.kill') kill([...group.procs]);
      else group.values.set(file, text);
    },
    async read(path) {
      const [folder, file] = [dirname(path), basename(path)];
      const group = groups.get(folder);
      if (!group || !has(folder, file)) return undefined;
      if (file === 'cgroup.procs') return group.procs.join('\n');
      if (file === 'cgroup.controllers') return controllersOf(folder).join(' ');
      if (file === 'cgroup.subtree_control') return [...group.passed].join(' ');
      return group.values.get(file) ?? '';
    },
    children: async (path) =>
      [...groups.keys()].filter((one) => dirname(one) === path && one !== path).map((one) => basename(one)),
    async remove(path) {
      const group = groups.get(path);
      if (!group) return true;
      if (group.procs.length > 0 || [...groups.keys()].some((one) => dirname(one) === path)) return false;
      return groups.delete(path);
    },
    canEnter: async (procs) => procs.every((path) => (rules.mayEnter ?? mayWrite)(dirname(path))),
    async kill(pids, isStillThere) {
      const there = await isStillThere();
      kill(pids.filter((pid) => there.includes(pid)));
    },
  };
  return {
    port,
    killed,
    /** Adds a group that exists before the driver starts. */
    put: (path: string, ...procs: number[]) => {
      for (const missing of [dirname(path), path]) if (!groups.has(missing) && missing.startsWith(top)) add(missing);
      groups.get(path)?.procs.push(...procs);
    },
    pass: (path: string, ...controllers: string[]) => {
      for (const controller of controllers) groups.get(path)?.passed.add(controller);
    },
    procs: (path: string) => groups.get(path)?.procs,
    value: (path: string, file: string) => groups.get(path)?.values.get(file),
    set: (path: string, file: string, text: string) => groups.get(path)?.values.set(file, text),
    paths: () => [...groups.keys()].map((path) => path.slice(top.length) || '/'),
  };
}
