import { execFile } from 'node:child_process';
import { chmod, copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DaemonHttpAgent } from '../../../drivers/shared/link/daemon-agent.ts';
import { acceptHandshake } from '../../../drivers/shared/link/handshake.ts';
import { IdleConnections } from '../../../drivers/shared/link/idle-connections.ts';
import { listenOnUnixSocket } from '../../../drivers/shared/link/listen.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { removeFolder } from '../stores/store.ts';
import { bundle } from './sandboxd.ts';

const docker = async (...args: string[]) => (await promisify(execFile)('docker', args)).stdout.trim();
const image = 'corral-test-sandboxd';
const images = join(import.meta.dirname, '../../../sandbox-images');

/** Builds the base image from the sources; quick if only the daemon changed. */
export async function buildImage(): Promise<void> {
  const context = await mkdtemp(join(tmpdir(), 'corral-image-'));
  for (const file of ['Dockerfile', 'init.sh', 'sudo']) await copyFile(join(images, file), join(context, file));
  await copyFile(await bundle(), join(context, 'sandboxd.mjs'));
  const env = { ...process.env, DOCKER_BUILDKIT: '0' }; // the oldest builder must work too
  const args = ['build', '--quiet', '--network', 'host', '--tag', image, context];
  await promisify(execFile)('docker', args, { env, timeout: 280_000 });
  await rm(context, { recursive: true });
}

/** A container with the same restrictions as a real sandbox, whose daemon dials the test's socket. */
export async function sandboxContainer(more: readonly string[] = []) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-c-'));
  const mount = join(folder, 'mount');
  await mkdir(mount);
  await chmod(mount, 0o755);
  await chmod(folder, 0o755);
  const token = new Secret('container-token');
  const connections = new IdleConnections();
  const control = await listenOnUnixSocket(
    { path: join(mount, 'control'), temporaryName: 'c.new', maxConnections: 64, allowHalfOpen: false },
    (socket) => void acceptHandshake(socket, token).then(({ kind }) => kind === 'ok' && connections.add(socket)),
  );
  const owned = 'uid=10001,gid=10001';
  const name = `corral-sandboxd-${process.pid}-${folder.slice(-6)}`;
  await docker(
    ...['run', '--detach', '--name', name, '--network', 'none', '--read-only', '--cap-drop', 'ALL'],
    ...['--security-opt', 'no-new-privileges', '--pids-limit', '512', '--memory', '512m', '--memory-swap', '512m'],
    ...['--tmpfs', '/tmp:exec', '--tmpfs', `/run:${owned},mode=755`, '--tmpfs', `/home/agent:exec,${owned}`],
    ...['--tmpfs', `/workspace:exec,${owned},size=256m`, '--volume', `${mount}:/run/corral:ro`],
    ...['--env', 'CORRAL_SANDBOX_ID=sbx-0123456789abcdef', '--env', `CORRAL_SANDBOXD_TOKEN=${token.reveal()}`],
    ...more,
    image,
  );
  const agent = new DaemonHttpAgent(connections);
  return {
    client: createSandboxClient({ agent, token, workdir: '/workspace' }),
    async [Symbol.asyncDispose]() {
      agent.destroy();
      await docker('rm', '--force', name);
      await control[Symbol.asyncDispose]();
      await removeFolder(folder);
    },
  };
}
