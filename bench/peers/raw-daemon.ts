// Starts the sandbox's daemon without a server or a session, in its own bubblewrap with the process driver's isolation,
// and calls it over a socket in its workspace until it answers.
import { spawnSync } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { sharedUserId } from '../../drivers/process/bubblewrap.ts';
import { openCgroups } from '../../drivers/process/cgroup/open.ts';
import { findBubblewrap } from '../../drivers/process/find-bubblewrap.ts';
import { launchDaemon, workspacePathOf } from '../../drivers/process/launch.ts';
import { createFolderVolumes } from '../../drivers/process/volumes.ts';
import { openSandboxFolders } from '../../drivers/shared/folders.ts';
import { writeTokenFile } from '../../drivers/shared/link/token.ts';
import { buildSeccompProgram } from '../../drivers/shared/seccomp/program.ts';
import { bundleSandboxd } from '../../src/app/images/bundle-sandboxd.ts';
import { SandboxId, SessionId } from '../../src/core/model/ids.ts';
import { Secret } from '../../src/core/text/secret.ts';
import { createTempFolder } from '../lib/calls/folder.ts';
import { monotonicMs } from '../lib/measure/generator.ts';

export const describeMissingBubblewrap = async (): Promise<string | undefined> =>
  spawnSync('sh', ['-c', 'command -v bwrap']).status === 0 ? undefined : 'bubblewrap is not installed';

const token = 'raw-daemon';
const limits = { memoryBytes: 2 ** 31, cpus: 2, pids: 512, diskBytes: 2 ** 33 };
const env = { CORRAL_SANDBOXD_LISTEN: '/workspace/s', CORRAL_EGRESS_PORT: '0' };
const patience = () => AbortSignal.timeout(10_000);

export async function createDaemonStarter(stack: AsyncDisposableStack) {
  const images = join(import.meta.dirname, '../../sandbox-images');
  const folder = stack.use(await createTempFolder());
  await chmod(folder.path, 0o755);
  const daemon = join(folder.path, 'sandboxd.mjs');
  await bundleSandboxd(daemon);
  const bubblewrap = await findBubblewrap('bwrap', buildSeccompProgram(process.arch));
  if (!bubblewrap) throw new Error('bubblewrap does not work here');
  const [init, sudo] = [join(images, 'init.sh'), join(images, 'sudo')];
  const programs = { node: process.execPath, init, sudo, daemon: async () => daemon };
  const cgroups = await openCgroups(folder.path);
  const folders = await openSandboxFolders(folder.path);
  const volumes = createFolderVolumes(folders);
  let count = 0;
  return async () => {
    const name = (++count).toString(16).padStart(16, '0');
    const id = SandboxId.parse(`sbx-${name}`);
    const labels = { id, sessionId: SessionId.parse(name), epoch: 1, template: '', image: '', expiresAt: 0 };
    const from = monotonicMs();
    const meta = await folders.prepare({ ...labels, driver: 'raw', instance: 'bench', token });
    await writeTokenFile(folders.mount(id), new Secret(token));
    const group = await cgroups.make(id, limits);
    const confinement = { bubblewrap, user: sharedUserId, group, grouped: cgroups.limits };
    const spec = { ...labels, env, limits, egress: { kind: 'none' } };
    const { exited } = await launchDaemon({ spec, meta, folders, programs, volumes, confinement }, patience());
    while (!(await answers(join(workspacePathOf(folders, { id }), 's')))) await pause(1);
    const startMs = monotonicMs() - from;
    const end = async () => {
      await cgroups.end(cgroups.foldersOf(id), patience());
      await exited;
      await folders.remove(id);
    };
    return { id, startMs, [Symbol.asyncDispose]: end };
  };
}

const answers = (socketPath: string): Promise<boolean> =>
  new Promise((resolve) => {
    const clientRequest = request({
      socketPath,
      path: '/health',
      agent: false,
      headers: { authorization: `Bearer ${token}` },
    });
    clientRequest.once('response', (answer) => resolve(answer.resume().statusCode === 200));
    clientRequest.once('error', () => resolve(false)).end();
  });
