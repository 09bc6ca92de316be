import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readlink, stat } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import {
  type Bubblewrap,
  createNamespaceArguments,
  createUserSwitchArguments,
  sandboxToolsFolder,
  sharedUserId,
} from './bubblewrap.ts';

// Parts of /etc that programs need. None reveals who uses this machine.
const configuration = [
  ...['alternatives', 'ssl', 'ca-certificates', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'timezone'],
  ...['nsswitch.conf', 'mime.types', 'bash.bashrc', 'profile', 'inputrc', 'fonts', 'pip.conf', 'npmrc'],
].map((name) => `/etc/${name}`);
const folders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];
// Files that reveal keys, other users and other processes. No program needs them.
const telling = ['keys', 'key-users', 'kcore', 'timer_list', 'sched_debug', 'latency_stats'].map((it) => `/proc/${it}`);

const isThere = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Undefined if bubblewrap is missing or fails on this kernel. */
export async function findBubblewrap(path: string, filter?: Buffer): Promise<Bubblewrap | undefined> {
  const asRoot = process.getuid?.() === 0;
  const system = ['--ro-bind', '/usr', '/usr'];
  for (const folder of folders) {
    const target = await readlink(folder).catch(() => undefined);
    if (target !== undefined) system.push('--symlink', target, folder);
    else if (await isThere(folder)) system.push('--ro-bind', folder, folder);
  }
  if (!(await isThere('/usr/bin/python')) && (await isThere('/usr/bin/python3')))
    system.push('--symlink', '/usr/bin/python3', `${sandboxToolsFolder}/bin/python`);
  for (const file of configuration) system.push('--ro-bind-try', file, file);
  const hasSudo = await isThere('/usr/bin/sudo');
  const masked: string[] = [];
  for (const file of telling) if (await isThere(file)) masked.push(file);

  // `--disable-userns` works only in a user namespace, which root does not use.
  for (const disablesNesting of asRoot ? [false] : [true, false]) {
    for (const seccomp of filter === undefined ? [undefined] : [filter, undefined]) {
      const found: Bubblewrap = { path, asRoot, system, hasSudo, masked, seccomp, disablesNesting };
      if (await works(found)) return found;
    }
  }
  return undefined;
}

async function works(found: Bubblewrap): Promise<boolean> {
  const { path, system, masked, seccomp } = found;
  const args = [
    ...[...createNamespaceArguments(found), ...(seccomp === undefined ? [] : ['--seccomp', '3']), ...system],
    ...['--proc', '/proc', '--dev', '/dev', ...masked.flatMap((file) => ['--ro-bind', '/dev/null', file])],
    ...[...createUserSwitchArguments(found, sharedUserId), '/bin/true'],
  ];
  const child = spawn(path, args, { stdio: ['ignore', 'ignore', 'ignore', 'pipe'], timeout: 5_000 });
  writeSeccompFilter(child.stdio[3] as Writable, seccomp);
  const [code] = await once(child, 'exit').catch(() => [1]);
  return code === 0;
}

/** Ignores write errors: bubblewrap may exit before it reads the filter. */
export function writeSeccompFilter(pipe: Writable | null, seccomp: Buffer | undefined): void {
  pipe?.on('error', () => {});
  pipe?.end(seccomp);
}
