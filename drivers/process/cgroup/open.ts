import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { findCgroupParents, parseHierarchies } from './cgroup-parents.ts';
import { type Cgroups, createCgroups } from './cgroups.ts';
import { createKernelCgroupFiles } from './files.ts';

/** Command prefix. Exits with code 71 if a group cannot be entered. */
export const createCgroupEntryCommand = (procs: readonly string[]): string[] => [
  ...['/bin/sh', '-c', 'while [ "$1" != -- ]; do echo 0 >"$1" || exit 71; shift; done; shift; exec "$@"', 'sh'],
  ...[...procs, '--'],
];

export async function openCgroups(root: string): Promise<Cgroups> {
  const files = createKernelCgroupFiles(canEnter);
  const read = (name: string) => readFile(`/proc/self/${name}`, 'utf8').catch(() => '');
  const hierarchies = parseHierarchies(await read('mountinfo'), await read('cgroup'));
  const installation = computeInstallationId(root);
  return createCgroups({
    places: await findCgroupParents({ files, hierarchies, own: await lineage() }),
    files,
    installation,
  });
}

export const computeInstallationId = (root: string) => createHash('sha256').update(root).digest('hex').slice(0, 16);

async function canEnter(procs: readonly string[]): Promise<boolean> {
  const [program = '', ...args] = [...createCgroupEntryCommand(procs), 'true'];
  const child = spawn(program, args, { stdio: 'ignore' });
  const [code] = await once(child, 'exit').catch(() => [1]);
  return code === 0;
}

async function lineage(): Promise<number[]> {
  const found = [process.pid];
  for (let pid = process.ppid; pid > 0 && found.length < 64; ) {
    found.push(pid);
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
    pid = Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1] ?? 0);
  }
  return found;
}
