import { join } from 'node:path';
import { dockerDriver } from '../../drivers/docker/docker.ts';
import { engineRuntimes, engineWeaknesses } from '../../drivers/docker/weaknesses.ts';
import type { Driver, EgressGate } from '../../drivers/driver.ts';
import { MemoryBackend } from '../../drivers/memory/backend.ts';
import { memoryDriver } from '../../drivers/memory/memory.ts';
import { processDriver } from '../../drivers/process/process.ts';
import { findPrograms } from '../../sandbox-images/sandboxd/desktop/programs.ts';
import type { Config } from '../config/config.ts';
import { isLoopback } from '../config/contradictions.ts';
import { systemClock } from '../core/clock.ts';
import { AppError, toAppError } from '../core/errors.ts';
import type { IdSource, SandboxId } from '../core/ids.ts';
import {
  baseImage,
  browserPolicy,
  daemonBundle,
  desktopContext,
  desktopImage,
  hasDesktop,
  imageContext,
  initScript,
  sandboxImage,
} from './image.ts';
import { isolated } from './isolation.ts';
import { openKubernetes } from './kubernetes.ts';
import { type PoolParts, warmed } from './warm-pool.ts';

interface Options {
  readonly config: Config;
  readonly instance: string;
  /** This server's name among several servers that share sandboxes; undefined: it is the only one. */
  readonly replica?: string | undefined;
  readonly gate: EgressGate;
  readonly ids: IdSource;
  readonly caBundle: string;
  readonly node: string;
  readonly say: (text: string) => void;
  readonly onRefused: (id: SandboxId, reason: string) => void;
  readonly pool: PoolParts;
}
const checkMs = 5_000;
export const sandboxFolder = (dataDir: string): string => join(dataDir, 's'); // short: socket paths are limited

/** The configured driver, with a warm pool if the settings ask for one and the driver can have it. */
export async function openDriver(given: Options): Promise<Driver> {
  const call = { signal: AbortSignal.timeout(checkMs), deadlineAt: 0 };
  const config = await isolated(given.config, (host) => engineRuntimes(host, call));
  const options = { ...given, config };
  return warmed(await openPlain(options), options);
}

/** `auto` is Docker if it answers, otherwise the process driver. */
async function openPlain(options: Options): Promise<Driver> {
  const { config, say } = options;
  switch (config.driver) {
    case 'docker': {
      const driver = await docker(options);
      tellAbsence(driver, options);
      tellWeaknesses(options);
      return driver;
    }
    case 'process':
      return await processes(options);
    case 'memory':
      say('The memory driver is a fake for tests: nothing is executed.');
      return memoryDriver(new MemoryBackend(systemClock, [sandboxImage(config)]));
    case 'kubernetes':
      return await openKubernetes(options);
    case 'auto':
      return await whatAnswers(options);
  }
}

async function whatAnswers(options: Options): Promise<Driver> {
  const driver = await docker(options);
  try {
    await driver.check({ signal: AbortSignal.timeout(checkMs), deadlineAt: 0 });
    tellWeaknesses(options);
    return driver;
  } catch (error) {
    await driver[Symbol.asyncDispose]();
    options.say(
      `Docker does not answer (${toAppError(error).publicMessage}), so sandboxes are processes of this machine.`,
    );
    return await processes(options);
  }
}

const dockerHost = ({ docker: { host } }: Config) => host ?? 'unix:///var/run/docker.sock';

/** The server serves in any case: an engine can start after it. */
function tellAbsence(driver: Driver, { config, say }: Options): void {
  driver.check({ signal: AbortSignal.timeout(checkMs), deadlineAt: 0 }).catch((error: unknown) => {
    const where = `${dockerHost(config)} (DOCKER_HOST)`;
    say(`${toAppError(error).publicMessage} It was asked at ${where}. Until it answers no sandbox starts.`);
  });
}

/** Runs next to the start, which does not wait. An engine that does not answer is reported on its first use. */
function tellWeaknesses({ config, say }: Options): void {
  const call = { signal: AbortSignal.timeout(checkMs), deadlineAt: 0 };
  void engineWeaknesses(dockerHost(config), config.docker.runtime, call).then(
    (found) => found.forEach(say),
    () => {},
  );
}

function docker({ config, instance, replica, gate, ids, caBundle, onRefused }: Options): Promise<Driver> {
  const bundle = daemonBundle(config.dataDir);
  return dockerDriver({
    host: dockerHost(config),
    runtime: config.docker.runtime,
    instance,
    ...(replica !== undefined && { replica }),
    root: sandboxFolder(config.dataDir),
    socketsDir: config.docker.socketsDir,
    users: config.docker.users,
    gate,
    ids,
    caBundle,
    onRefused,
    defaultImage: { name: baseImage, context: () => imageContext(bundle), buildNetwork: 'host' },
    desktopImage: { name: desktopImage, context: () => desktopContext(bundle), buildNetwork: 'host' },
    desktop: hasDesktop(config),
  });
}

async function processes({
  config,
  instance,
  replica,
  gate,
  ids,
  caBundle,
  node,
  say,
  onRefused,
}: Options): Promise<Driver> {
  const driver = await processDriver({
    instance,
    ...(replica !== undefined && { replica }),
    root: sandboxFolder(config.dataDir),
    gate,
    ids,
    caBundle,
    onRefused,
    image: sandboxImage(config),
    desktop: hasDesktop(config) && findPrograms('/usr/local/bin:/usr/bin') !== undefined,
    programs: { node, init: initScript, daemon: daemonBundle(config.dataDir), browserPolicy },
    bubblewrap: 'bwrap',
    users: config.process.users,
  });
  if (hasDesktop(config) && !driver.capabilities.desktop) {
    say('Sandboxes have no desktop here: that needs Xvnc, Chromium and bubblewrap on this machine, or Docker.');
  }
  for (const { text } of driver.capabilities.weaknesses ?? []) say(text);
  if (driver.capabilities.isolation === 'none') {
    if (!isLoopback(config.host)) {
      throw new AppError(
        'invalid_request',
        `HOST is ${config.host}, which other machines can reach: whoever has a token could have this machine run anything. ` +
          'Install bubblewrap or start Docker, or listen on 127.0.0.1.',
      );
    }
    if (config.model !== 'demo' && !config.unconfined) {
      throw new AppError(
        'invalid_request',
        `A model (${config.model}) would run commands on this machine without any isolation. Install bubblewrap or start Docker; ` +
          'or set CORRAL_UNCONFINED=1 if you accept that.',
      );
    }
  }
  return driver;
}
