import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { bundle } from '../../support/sandboxes/sandboxd.ts';

test('a daemon whose log nobody reads any more continues quietly', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'corral-unheard-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'workspace'));
  const env = {
    PATH: process.env.PATH,
    HOME: folder,
    CORRAL_SANDBOX_ID: 'sbx-unheard',
    CORRAL_SANDBOXD_TOKEN: 'token',
    CORRAL_WORKSPACE: join(folder, 'workspace'),
    CORRAL_RUN_DIR: folder,
    CORRAL_STATE_DIR: join(folder, 'state'),
    CORRAL_EGRESS_PORT: '0',
    CORRAL_SANDBOXD_LISTEN: join(folder, 'no-such-folder', 's'), // it logs that this fails
  };
  const daemon = spawn(process.execPath, [await bundle()], { env, stdio: ['ignore', 'ignore', 'pipe'] });
  onTestFinished(async () => {
    const ended = once(daemon, 'exit');
    if (daemon.exitCode === null && daemon.kill('SIGKILL')) await ended;
  });
  daemon.stderr.destroy();
  const writes = () => Number(/^syscw: (\d+)/m.exec(readFileSync(`/proc/${daemon.pid}/io`, 'latin1'))?.[1]);
  const seen: number[] = [];
  // Each check comes some time after the last.
  await expect.poll(() => seen[seen.push(writes()) - 2], { message: 'it comes to rest' }).toBe(seen.at(-1));
  expect(daemon.exitCode).toBeNull();
});
