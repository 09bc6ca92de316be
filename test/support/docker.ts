import { execFile } from 'node:child_process';
import { copyFile, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { DriverHarness } from '../../drivers/conformance.ts';
import { type DockerOptions, dockerDriver } from '../../drivers/docker/docker.ts';
import type { BuildContext } from '../../drivers/docker/images.ts';
import type { SandboxId } from '../../src/core/ids.ts';
import { randomIds, sessionIdOf } from '../../src/core/ids.ts';

export const dockerHost = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
const execute = promisify(execFile);

/** What the docker command prints; for looking at the engine and harming sandboxes from outside. */
export const docker = async (...args: string[]): Promise<string> => (await execute('docker', args)).stdout.trim();

/** False: tests that need Docker are to be skipped. In CI it must be there. */
export async function hasDocker(): Promise<boolean> {
  const answers = await docker('version', '--format', '{{.Server.Version}}').then(
    () => true,
    () => false,
  );
  if (!answers && process.env.CI === 'true') throw new Error('Docker does not answer, and in CI its tests must run.');
  return answers;
}

export const testImage = 'corral-test-sandbox';
async function context(): Promise<BuildContext> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-context-'));
  const dockerfile = `FROM node:24-bookworm-slim
RUN useradd --uid 10001 agent && mkdir /workspace && chown 10001:10001 /workspace
COPY init.sh sandboxd.mjs /opt/corral/
ENTRYPOINT ["/bin/sh", "/opt/corral/init.sh"]
`;
  await writeFile(join(folder, 'Dockerfile'), dockerfile);
  await copyFile(join(import.meta.dirname, 'stand-in-init.sh'), join(folder, 'init.sh'));
  await copyFile(join(import.meta.dirname, 'stand-in-daemon.mjs'), join(folder, 'sandboxd.mjs'));
  return { folder, files: ['Dockerfile', 'init.sh', 'sandboxd.mjs'], hash: 'stand-in' };
}

export interface DockerHarness extends DriverHarness {
  readonly root: string;
  options(over?: Partial<DockerOptions>): DockerOptions;
  nameOf(id: SandboxId): string;
}

export async function dockerHarness(): Promise<DockerHarness> {
  const root = await mkdtemp(join(tmpdir(), 'corral-docker-'));
  const own = `test-${process.pid}-${randomIds().short().slice(0, 4)}`;
  const options = (over: Partial<DockerOptions> = {}): DockerOptions => ({
    host: dockerHost,
    instance: own,
    root,
    gate: { serve: (socket) => void socket.destroy() },
    ids: randomIds(),
    defaultImage: { name: testImage, context, buildNetwork: 'host' },
    ...over,
  });
  return {
    image: testImage,
    real: true,
    root,
    options,
    nameOf: (id) => `corral-${own}-${sessionIdOf(id)}`,
    connect: ({ replica, instance } = {}) =>
      dockerDriver(
        options({
          ...(replica !== undefined && { replica }),
          ...(instance !== undefined && { instance: `${own}-${instance}`, root: join(root, instance) }),
        }),
      ),
    killBehindItsBack: async (id) => void (await docker('kill', `corral-${own}-${sessionIdOf(id)}`)),
    async remains(id) {
      const label = `label=corral.sandbox=${id}`;
      const containers = await docker('ps', '-aq', '--filter', label, '--format', 'container {{.Names}}: {{.Status}}');
      const volumes = await docker('volume', 'ls', '-q', '--filter', label, '--format', 'volume {{.Name}}');
      const folders = (await readdir(root)).filter((name) => name === id).map((name) => `folder ${name}`);
      return [containers, volumes]
        .flatMap((text) => text.split('\n'))
        .filter(Boolean)
        .concat(folders);
    },
    [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }),
  };
}
