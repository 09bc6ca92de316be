// The sandbox's daemon, spawned in a bubblewrap of its own behind the walls of the process driver (namespaces, user id,
// control groups, system call filter, mounts), and asked over a socket in its workspace until it answers. Around it is
// nothing: no server, no session, no record, no token file.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';
import {
  accountFiles,
  bubblewrapArguments,
  insideEnvironment,
  type SandboxPaths,
  sharedUser,
} from '../../drivers/process/bubblewrap.ts';
import { enterCgroupCommand, openCgroups } from '../../drivers/process/cgroup/open.ts';
import { findBubblewrap, writeSeccomp } from '../../drivers/process/find-bubblewrap.ts';
import { unreadableLoader } from '../../drivers/process/unreadable-loader.ts';
import { seccompProgram } from '../../drivers/shared/seccomp/program.ts';
import { bundleSandboxd } from '../../src/app/images/bundle-sandboxd.ts';
import { freshFolder } from '../lib/calls/folder.ts';
import { monotonicMs } from '../lib/measure/generator.ts';

export const missingBubblewrap = async (): Promise<string | undefined> =>
  spawnSync('sh', ['-c', 'command -v bwrap']).status === 0 ? undefined : 'bubblewrap is not installed';

const token = 'raw-daemon';
const limits = { memoryBytes: 2 ** 31, cpus: 2, pids: 512, diskBytes: 2 ** 33 };
const patience = () => AbortSignal.timeout(10_000);

/** `once`: how long a start took, in ms. The daemon has ended when it resolves. */
export async function daemonStarts(): Promise<{ once(): Promise<number> } & AsyncDisposable> {
  const images = join(import.meta.dirname, '../../sandbox-images');
  const folder = await freshFolder();
  const daemon = join(folder.path, 'sandboxd.mjs');
  await bundleSandboxd(daemon);
  await chmod(folder.path, 0o755);
  const bubblewrap = await findBubblewrap('bwrap', seccompProgram(process.arch));
  if (!bubblewrap) throw new Error('bubblewrap does not work here');
  const { asRoot, seccomp } = bubblewrap;
  const confined = (inside: SandboxPaths) => [bubblewrap.path, ...bubblewrapArguments(bubblewrap, inside)];
  const cgroups = await openCgroups(folder.path);
  const seal = await unreadableLoader(folder.path, { program: process.execPath, asRoot }, patience());
  let count = 0;

  async function start(own: string, id: string) {
    const [mount, workspace] = [join(own, 'mount'), join(own, 'w')];
    for (const path of [mount, workspace]) await mkdir(path, { recursive: true });
    for (const [name, text] of Object.entries(accountFiles(sharedUser))) await writeFile(join(own, name), text);
    await copyFile(join(images, 'sudo'), join(own, 'sudo'));
    if (asRoot) await chown(workspace, sharedUser, sharedUser);
    const group = await cgroups.make(id, limits);
    const programs = { node: process.execPath, init: join(images, 'init.sh'), daemon, screen: undefined };
    const inside = { mount, workspace, accounts: own, ...programs, seal, id, limits, user: sharedUser };
    const walls = { grouped: cgroups.limits, groups: group.shown, infoFd: 3, seccompFd: 4 };
    const [program = '', ...args] = [...enterCgroupCommand(group.enter), ...confined({ ...inside, ...walls })];
    const named = { CORRAL_SANDBOX_ID: id, CORRAL_SANDBOXD_TOKEN: token, CORRAL_SANDBOXD_LISTEN: '/workspace/s' };
    const child = spawn(program, args, {
      env: { ...insideEnvironment, ...named, CORRAL_EGRESS_PORT: '0' },
      cwd: '/',
      stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    });
    writeSeccomp(child.stdio[4] as Writable, seccomp);
    while (!(await answers(join(workspace, 's')))) await pause(1);
    return child;
  }

  return {
    async once() {
      const id = `raw-${++count}`;
      const own = join(folder.path, id);
      const from = monotonicMs();
      const child = await start(own, id);
      const ms = monotonicMs() - from;
      const ended = once(child, 'exit');
      await cgroups.end(cgroups.foldersOf(id), patience());
      await ended;
      await rm(own, { recursive: true, force: true });
      return ms;
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

const answers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = request({ socketPath, path: '/health', agent: false, headers: { authorization: `Bearer ${token}` } });
    asked.once('response', (answer) => resolve(answer.resume().statusCode === 200));
    asked.once('error', () => resolve(false)).end();
  });
