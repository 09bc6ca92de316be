import { execFile } from 'node:child_process';
import { mkdtemp, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { createDockerDriver, type DockerOptions } from '../../../drivers/docker/docker.ts';
import { createBaseImageContext, createDesktopImageContext, desktopImage } from '../../../src/app/images/image.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import { createIdSource, sessionIdOf } from '../../../src/core/model/ids.ts';
import type { DriverHarness } from '../conformance/harness.ts';
import { programs } from '../servers/programs.ts';
import { removeFolder } from '../stores/store.ts';

export const dockerHost = process.env.DOCKER_HOST ?? 'unix:///var/run/docker.sock';
const execute = promisify(execFile);

/** Runs docker and returns its output. Tests look at the engine and damage sandboxes from outside with it. */
export const docker = async (...args: string[]): Promise<string> => (await execute('docker', args)).stdout.trim();

/** Removes the images that a test's server built for templates; they outlive the server and its sandboxes. */
export async function removeBuiltImages(instance: string): Promise<void> {
  const tags = await docker('image', 'ls', '--format', '{{.Repository}}:{{.Tag}}', `corral-built/${instance}`);
  if (tags !== '') await docker('rmi', '-f', ...tags.split('\n'));
}

/** False: the caller skips tests that need Docker. In CI a missing Docker is an error. */
export async function hasDocker(): Promise<boolean> {
  const answers = await docker('version', '--format', '{{.Server.Version}}').then(
    () => true,
    () => false,
  );
  if (!answers && process.env.CI === 'true') throw new Error('Docker does not answer, and in CI its tests must run.');
  return answers;
}

/** The image that users get, built from the current tree. */
export const testImage = 'corral/sandbox'; // the default name, so that one build serves all tests

export interface DockerHarness extends DriverHarness {
  readonly root: string;
  options(over?: Partial<DockerOptions>): DockerOptions;
  nameOf(id: SandboxId): string;
}

export async function dockerHarness(): Promise<DockerHarness> {
  const root = await mkdtemp(join(tmpdir(), 'corral-docker-'));
  const own = `test-${process.pid}-${createIdSource().short().slice(0, 4)}`;
  const options = (over: Partial<DockerOptions> = {}): DockerOptions => ({
    host: dockerHost,
    instance: own,
    root,
    users: { first: 40_000, last: 49_999 },
    gate: { serve: (socket, { id }) => void socket.end(id) }, // tells the client which sandbox it is
    ids: createIdSource(),
    defaultImage: { name: testImage, context: () => createBaseImageContext(programs.daemon), buildNetwork: 'host' },
    variants: [{ name: desktopImage, context: () => createDesktopImageContext(programs.daemon), buildNetwork: 'host' }],
    desktop: true,
    ...over,
  });
  return {
    image: testImage,
    root,
    options,
    nameOf: (id) => `corral-${own}-${sessionIdOf(id)}`,
    connect: ({ replica, instance } = {}) =>
      createDockerDriver(
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
    [Symbol.asyncDispose]: () => removeFolder(root),
  };
}
