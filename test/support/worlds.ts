import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, type TestContext } from 'vitest';
import { findProcessesByVariable } from '../../drivers/process/proc.ts';
import { type SandboxId, type SessionId, sandboxIdOf } from '../../src/core/model/ids.ts';
import { run } from './clients/api.ts';
import { needs } from './servers/components.ts';
import type { ServerProcess } from './servers/server-process.ts';

/** The sandboxes of a real server, which tests inspect and damage from outside. */
export interface World {
  readonly driver: 'docker' | 'process' | 'kubernetes';
  /** The server's settings besides the driver's name. Skips the test if the machine lacks a component. */
  ready(context: TestContext): Promise<Readonly<Record<string, string>>>;
  /** The running sandboxes of the session, one name each. */
  running(sessionId: string): Promise<string[]>;
  /** All of the session's resources at the driver, running or not. */
  remains(sessionId: string, server: Pick<ServerProcess, 'data'>): Promise<string[]>;
  /** Kills the whole sandbox immediately, as the kernel would. */
  kill(sessionId: string): Promise<void>;
  signalDaemon(sessionId: string, signal: 'KILL' | 'STOP' | 'CONT'): Promise<void>;
  /** Removes the session's leftovers, which no server removes any more. */
  clear(sessionId: string): Promise<void>;
}

const lines = (text: string) => text.split('\n').filter(Boolean);
const docker = async (...args: string[]) => lines((await run('docker', args)).stdout);
const labelled = (sessionId: string) => ['--filter', `label=corral.session=${sessionId}`, '-q'];
const only = (found: readonly string[]): string => {
  expect(found, 'there should be exactly one').toHaveLength(1);
  return found[0] as string;
};

export const dockerWorld: World = {
  driver: 'docker',
  ready: (context) => needs(context, 'docker').then(() => ({})),
  running: (sessionId) => docker('ps', ...labelled(sessionId)),
  async remains(sessionId, server) {
    const containers = await docker('ps', '-a', ...labelled(sessionId));
    const volumes = await docker('volume', 'ls', ...labelled(sessionId));
    return [...containers, ...volumes, ...(await folders(sessionId, server))];
  },
  kill: async (sessionId) => void (await docker('kill', only(await dockerWorld.running(sessionId)))),
  async signalDaemon(sessionId, signal) {
    const name = only(await dockerWorld.running(sessionId));
    // Runs as the sandbox's own user, so that the test needs no rights on the host.
    await docker('exec', name, 'bash', '-c', `kill -${signal} $(${daemonInside})`);
  },
  async clear(sessionId) {
    const containers = await docker('ps', '-a', ...labelled(sessionId));
    if (containers.length > 0) await docker('rm', '-f', ...containers);
    const volumes = await docker('volume', 'ls', ...labelled(sessionId));
    if (volumes.length > 0) await docker('volume', 'rm', ...volumes);
  },
};
const daemonInside =
  "cd /proc; for p in [0-9]*; do tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -Eq '^[^ ]*(sealed [^ ]*)?node .*sandboxd.mjs' && echo $p; done";

export const processWorld: World = {
  driver: 'process',
  ready: (context) => needs(context, 'bubblewrap').then(() => ({})),
  running: async (sessionId) => (await inside(sessionId)).filter(({ own }) => own === 1).map(({ pid }) => `${pid}`),
  async remains(sessionId, server) {
    const processes = (await inside(sessionId)).map(({ pid, command }) => `process ${pid}: ${command}`);
    return [...processes, ...(await folders(sessionId, server))];
  },
  kill: async (sessionId) => void process.kill(Number(only(await processWorld.running(sessionId))), 'SIGKILL'),
  async signalDaemon(sessionId, signal) {
    const daemons = (await inside(sessionId)).filter(({ command }) =>
      /^(\S*sealed )?\S*node (-\S+ )*\S*sandboxd[.]mjs/.test(command),
    );
    process.kill(Number(only(daemons.map(({ pid }) => `${pid}`))), `SIG${signal}`);
  },
  async clear(sessionId) {
    for (const { pid } of await inside(sessionId)) process.kill(pid, 'SIGKILL');
  },
};

/** The sandbox's processes as the host sees them; `own` is the pid inside the sandbox. */
async function inside(sessionId: string): Promise<{ pid: number; own: number; command: string }[]> {
  const marks = await findProcessesByVariable('CORRAL_SANDBOX_ID', sandboxIdOf(sessionId as SessionId));
  const found = marks.map(async ({ pid }) => {
    const status = await readFile(`/proc/${pid}/status`, 'latin1').catch(() => '');
    const command = await readFile(`/proc/${pid}/cmdline`, 'latin1').catch(() => '');
    const own = /^NSpid:.*\s(\d+)$/m.exec(status)?.[1];
    return { pid, own: Number(own), command: command.replaceAll('\0', ' ').trim() };
  });
  return await Promise.all(found);
}

const folders = async (sessionId: string, { data }: Pick<ServerProcess, 'data'>): Promise<string[]> => {
  const id: SandboxId = sandboxIdOf(sessionId as SessionId);
  return (await readdir(join(data, 's'))).filter((name) => name.startsWith(id)).map((name) => `folder ${name}`);
};

export const worlds: readonly World[] = [dockerWorld, processWorld];

/** A block for each world. The drivers besides `ordinary` show the same behavior, so their tests are nightly. */
export function inEachWorld(ordinary: World['driver'], name: string, block: (world: World) => void): void {
  for (const world of worlds) {
    const tags = world.driver === ordinary ? [] : ['nightly' as const];
    describe(name.replace('$driver', world.driver), { tags }, () => block(world));
  }
}
