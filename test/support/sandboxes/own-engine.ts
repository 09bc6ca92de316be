import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { vi } from 'vitest';
import { removeFolder } from '../stores/store.ts';
import { testImage } from './docker.ts';

const execute = promisify(execFile);

/** A Docker Engine for one test, with its own data: the test can damage it without harm to others. */
export async function ownEngine({ liveRestore }: { liveRestore: boolean }) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-engine-'));
  const host = `unix://${folder}/docker.sock`;
  const docker = async (...args: string[]) =>
    (await execute('docker', ['--host', host, ...args], { maxBuffer: 2 ** 26 })).stdout.split('\n').filter(Boolean);
  const settings = {
    'data-root': `${folder}/data`,
    'exec-root': `${folder}/exec`,
    pidfile: `${folder}/pid`,
    hosts: [host],
    bridge: 'none',
    iptables: false,
    ip6tables: false,
    'live-restore': liveRestore,
  };
  await writeFile(join(folder, 'daemon.json'), JSON.stringify(settings));
  const log = join(folder, 'log');
  let daemon: ChildProcess;
  async function start(): Promise<void> {
    const out = openSync(log, 'a');
    // With its own network name space, because an engine without a bridge removes the machine's default bridge.
    daemon = spawn('unshare', ['--net', 'dockerd', '--config-file', join(folder, 'daemon.json')], {
      stdio: ['ignore', out, out],
    });
    closeSync(out);
    await vi
      .waitFor(() => docker('version'), { timeout: 60_000, interval: 200 })
      .catch(async (cause) => {
        throw new Error(`a second dockerd did not start:\n${(await readFile(log, 'utf8')).slice(-2_000)}`, { cause });
      });
  }
  async function stop(): Promise<void> {
    const exited = once(daemon, 'exit');
    daemon.kill('SIGTERM');
    await exited;
  }
  async function end(): Promise<void> {
    const left = await docker('ps', '--all', '--quiet').catch(() => []);
    if (left.length > 0) await docker('rm', '--force', '--volumes', ...left).catch(() => {});
    await stop();
    // With live-restore the engine leaves its mounts to its successor, and this engine has none.
    const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').map((line) => line.split(' ')[1] ?? '');
    for (const path of mounts.filter((it) => it.startsWith(`${folder}/`)).reverse()) {
      await execute('umount', ['--lazy', path]).catch(() => {}); // unmounted together with another one
    }
    await removeFolder(folder);
  }
  await start();
  try {
    const [image = ''] = (await execute('docker', ['images', '--format', '{{.Repository}}:{{.Tag}}', testImage])).stdout
      .split('\n')
      .filter(Boolean);
    await execute('bash', ['-c', `set -o pipefail; docker save "$0" | docker --host "$1" load`, image, host]);
    return {
      host,
      image,
      running: (sessionId: string) => docker('ps', '--quiet', '--filter', `label=corral.session=${sessionId}`),
      async restart() {
        await stop();
        await start();
      },
      [Symbol.asyncDispose]: end,
    };
  } catch (error) {
    await end();
    throw error;
  }
}
