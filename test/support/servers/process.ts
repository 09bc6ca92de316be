import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { computeInstallationId } from '../../../drivers/process/cgroup/open.ts';
import { findBubblewrap } from '../../../drivers/process/find-bubblewrap.ts';
import { findProcessesByVariable } from '../../../drivers/process/proc.ts';
import { createProcessDriver, type ProcessDriverOptions } from '../../../drivers/process/process.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { createIdSource } from '../../../src/core/model/ids.ts';
import { removeFolder } from '../stores/store.ts';
import { programs } from './programs.ts';

/** False: the caller skips tests that need bubblewrap. In CI a missing bubblewrap is an error. */
export async function hasBubblewrap(): Promise<boolean> {
  const works = (await findBubblewrap('bwrap')) !== undefined;
  if (!works && process.env.CI === 'true') throw new Error('bubblewrap does not work, and in CI its tests must run.');
  return works;
}

export type ProcessHarness = Awaited<ReturnType<typeof processHarness>>;

export async function processHarness(bubblewrap: string | undefined) {
  const root = await mkdtemp(join(tmpdir(), 'corral-process-'));
  const options = (over: Partial<ProcessDriverOptions> = {}): ProcessDriverOptions => ({
    instance: 'test',
    root,
    gate: { serve: (socket, { id }) => void socket.end(id) }, // tells the client which sandbox it is
    ids: createIdSource(),
    images: ['corral-sandbox', 'corral-sandbox-desktop'],
    programs,
    bubblewrap,
    users: { first: 1_900_000, last: 1_900_999 },
    desktop: true,
    ...over,
  });
  const pidOf = async (id: SandboxId) =>
    JSON.parse(await readFile(join(root, id, 'process.json'), 'utf8')).pid as number;
  return {
    image: 'corral-sandbox',
    root,
    options,
    pidOf,
    /** All control groups of this harness's sandboxes, anywhere on the machine. */
    async groups() {
      const args = ['/sys/fs/cgroup', '-type', 'd', '-path', '*corral/*.sbx-*'];
      // `find` fails where another driver's groups vanish in the meantime, but prints the others.
      const found = await promisify(execFile)('find', args).catch((failed: { stdout: string }) => failed);
      const ours = `${computeInstallationId(root)}.`;
      return found.stdout.split('\n').filter((path) => basename(path).startsWith(ours));
    },
    connect: (as: Partial<ProcessDriverOptions> = {}) => createProcessDriver(options(as)),
    async killBehindItsBack(id: SandboxId) {
      const pid = await pidOf(id);
      process.kill(pid, 'SIGKILL');
      while (await isAlive(pid)) await sleep(10); // a busy machine ends it later
    },
    async remains(id: SandboxId) {
      const processes = (await findProcessesByVariable('CORRAL_SANDBOX_ID', id)).map(({ pid }) => `process ${pid}`);
      return [...processes, ...(await readdir(root)).filter((name) => name === id).map((name) => `folder ${name}`)];
    },
    [Symbol.asyncDispose]: () => removeFolder(root),
  };
}

async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '');
  return stat !== '' && !/\) [ZX] /.test(stat);
}
