// The sandbox's daemon, spawned in a bubblewrap of its own with the namespaces of the process driver, and asked over its
// socket until it answers.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { bundleSandboxd } from '../../scripts/bundle-sandboxd.ts';
import { freshFolder } from '../lib/folder.ts';
import { monotonicMs } from '../lib/generator.ts';

export const missingBubblewrap = async (): Promise<string | undefined> =>
  spawnSync('sh', ['-c', 'command -v bwrap']).status === 0 ? undefined : 'bubblewrap is not installed';

const confinement = ['--unshare-all', '--die-with-parent', '--ro-bind', '/', '/', '--dev', '/dev', '--proc', '/proc'];
const token = 'raw-daemon';

/** `once`: how long a start took, in ms. The daemon has ended when it resolves. */
export async function daemonStarts(): Promise<{ once(): Promise<number> } & AsyncDisposable> {
  const folder = await freshFolder();
  const daemon = join(folder.path, 'sandboxd.mjs');
  await bundleSandboxd(daemon);
  let count = 0;
  return {
    async once() {
      const own = join(folder.path, String(++count));
      const [CORRAL_WORKSPACE, CORRAL_RUN_DIR, socketPath] = [
        join(own, 'w'),
        join(own, 'run'),
        join(own, 's'),
      ] as const;
      const folders = { CORRAL_WORKSPACE, CORRAL_RUN_DIR, CORRAL_STATE_DIR: join(own, 'state') };
      for (const path of [CORRAL_WORKSPACE, CORRAL_RUN_DIR]) await mkdir(path, { recursive: true });
      const named = {
        CORRAL_SANDBOX_ID: `sbx-${count}`,
        CORRAL_SANDBOXD_TOKEN: token,
        CORRAL_SANDBOXD_LISTEN: socketPath,
      };
      const env = { PATH: process.env.PATH, HOME: own, ...folders, ...named, CORRAL_EGRESS_PORT: '0' };
      const from = monotonicMs();
      const child = spawn('bwrap', [...confinement, '--bind', own, own, '--', process.execPath, daemon], {
        env,
        stdio: 'ignore',
      });
      const ended = once(child, 'exit');
      while (!(await answers(socketPath))) await pause(1);
      const ms = monotonicMs() - from;
      child.kill('SIGKILL');
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
