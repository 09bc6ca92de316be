import { z } from 'zod';
import { textValue, userIdRange } from '../../src/config/kinds.ts';
import { defineOptionalSetting, defineSetting } from '../../src/config/setting.ts';
import { toAppError } from '../../src/core/errors/errors.ts';
import { type BundledImage, type DriverContext, defineDriver } from '../descriptor.ts';
import { findStrictRuntime } from './strict-runtime.ts';

/** An engine with user namespaces maps only ids below 65536. */
export const dockerUserIdRange = '40000-49999';
const socket = 'unix:///var/run/docker.sock';
/** Docker's folder for volumes. A server in a container cannot see it. */
const engineFolder = '/var/lib/docker';
const checkMs = 5_000;
const soon = () => ({ signal: AbortSignal.timeout(checkMs) });

const settings = z.strictObject({
  host: defineOptionalSetting(
    textValue('an address such as unix:///var/run/docker.sock'),
    "the Docker engine's address",
    'DOCKER_HOST',
  ),
  runtime: defineOptionalSetting(
    textValue('a name such as runsc', /^[a-z0-9][a-z0-9._-]{0,62}$/),
    "the container runtime, such as gVisor's runsc; unset: the engine's default",
  ),
  users: defineSetting(
    userIdRange(),
    dockerUserIdRange,
    'unused user ids of this machine: each sandbox gets its own; none: all share 10001',
  ),
  socketsDir: defineOptionalSetting(
    textValue('a folder'),
    "with the engine filter: its --root, which contains each sandbox's folder; unset: in the data folder",
  ),
});

export const dockerDescriptor = defineDriver({
  label: 'containers of a Docker engine',
  desktopNeeds: 'A desktop needs the setting sandbox.desktop (CORRAL_SANDBOX_DESKTOP=true).',
  settings,
  async open({ host = socket, runtime, users, socketsDir }, parts: DriverContext) {
    const { createDockerDriver } = await import('./docker.ts');
    const { ourImages, desktop } = parts;
    const built = (image: BundledImage) => ({ ...image, buildNetwork: 'host' });
    return await createDockerDriver({
      ...parts,
      host,
      runtime,
      users,
      socketsDir,
      desktop: desktop !== false,
      defaultImage: built(ourImages.base),
      variants: [ourImages.desktop, ourImages.agents, ourImages.code].map(built),
    });
  },
  /** Reports an engine that does not answer, but lets the server start. */
  async report(driver, { host = socket, runtime }, { say }) {
    try {
      await driver.check(soon());
    } catch (error) {
      say(
        `${toAppError(error).publicMessage} The server tried ${host} (DOCKER_HOST). Sandboxes cannot start until it answers.`,
      );
      return;
    }
    const { readEngineWeaknesses } = await import('./weaknesses.ts');
    (await readEngineWeaknesses(host, runtime, soon()).catch(() => [])).forEach(say);
  },
  async strict(input, refuse) {
    const { readEngineRuntimes } = await import('./weaknesses.ts');
    const { host = socket, runtime } = input;
    return {
      ...input,
      runtime: await findStrictRuntime({ host, runtime }, () => readEngineRuntimes(host, soon()), refuse),
    };
  },
  disks: (dataDir) => [dataDir, engineFolder],
});
