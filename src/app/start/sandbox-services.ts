import { type Driver, hostsServices, type ServiceSpec } from '../../../drivers/driver.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { type SessionId, sandboxIdOf } from '../../core/model/ids.ts';
import type { ServiceRecipes } from '../../core/model/services/recipe.ts';
import type { SandboxClient } from '../../sandboxes/client/client.ts';
import { createVersionCheck } from '../../sandboxes/client/daemon-version.ts';
import { type SandboxServiceUpdate, startServices } from '../../sandboxes/services/start-services.ts';
import type { SandboxSettings } from '../parts/session-configs.ts';
import type { Config } from '../settings/config.ts';

interface Limits {
  readonly config: Pick<Config, 'sandbox'>;
  readonly driver: Pick<Driver, 'name' | 'capabilities'>;
  readonly closedPorts: ReadonlySet<number>;
}

/** Throws unsupported if the driver cannot run services, or invalid_request for a disallowed image or reserved port. */
export function checkSandboxServices(services: ServiceRecipes, { config, driver, closedPorts }: Limits): void {
  const { serviceImages } = config.sandbox;
  const names = Object.keys(services);
  if (names.length === 0) return;
  const { noServices } = driver.capabilities;
  if (noServices !== undefined) {
    throw new AppError(
      'unsupported',
      `services: the driver ${driver.name} cannot run ${names.join(', ')} next to a sandbox here: ${noServices}.`,
    );
  }
  for (const [name, { image, ports }] of Object.entries(services)) {
    if (!isImageAllowed(image, serviceImages)) {
      const known = serviceImages.length === 0 ? 'It allows none' : `It allows ${serviceImages.join(', ')}`;
      throw new AppError(
        'invalid_request',
        `services.${name}: the server does not allow the image ${image}. ${known} (CORRAL_SANDBOX_SERVICE_IMAGES).`,
      );
    }
    const closed = ports.find((port) => closedPorts.has(port));
    if (closed !== undefined) {
      throw new AppError(
        'invalid_request',
        `services.${name}: port ${closed} is reserved by Corral. Choose another one.`,
      );
    }
  }
}

/** An entry is a complete image name, or `name:*` for every tag. */
export function isImageAllowed(image: string, entries: readonly string[]): boolean {
  const [, untagged = image] = /^(.*):[\w.-]+$/.exec(image) ?? [];
  return entries.some((entry) => entry === image || entry === `${untagged}:*`);
}

export function toServiceSpecs({ config, services }: SandboxSettings): readonly ServiceSpec[] {
  const { serviceMemory, serviceCpus, servicePids } = config.sandbox;
  const limits = { memoryBytes: serviceMemory, cpus: serviceCpus, pids: servicePids };
  return Object.entries(services).map(([name, recipe]) => ({ ...recipe, name, limits }));
}

interface Beginning {
  readonly driver: Driver;
  readonly id: SessionId;
  readonly settings: SandboxSettings;
  readonly client: Pick<SandboxClient, 'ports' | 'health'>;
  /** An adopted sandbox's services were already reported, so only failures are reported. */
  readonly isAdopted: boolean;
  readonly clock: Clock;
  readonly tell: (detail: string) => void;
  readonly report: (news: SandboxServiceUpdate) => void;
}

export async function startSandboxServices(beginning: Beginning, signal: AbortSignal): Promise<void> {
  const { driver, id, settings, client, isAdopted, clock } = beginning;
  const tell = isAdopted ? () => {} : beginning.tell;
  const report = (news: SandboxServiceUpdate) =>
    void (isAdopted && news.kind === 'ready' ? undefined : beginning.report(news));
  const specs = new Map(toServiceSpecs(settings).map((spec) => [spec.name, spec]));
  if (specs.size === 0) return;
  const sandbox = sandboxIdOf(id);
  const names = [...specs.keys()].join(', ');
  const refuseAll = (why: string) => {
    for (const name of specs.keys())
      report({ name, kind: 'failed', detail: `The service ${name} is not available: ${why}.` });
  };
  if (!hostsServices(driver)) {
    return refuseAll(driver.capabilities.noServices ?? `the driver ${driver.name} has none`);
  }
  // Daemons before version 1.6 give network access to any process that connects over loopback, including a service.
  if (!(await createVersionCheck((within) => client.health(within))('1.6', signal))) {
    const { image } = settings.config.sandbox;
    return refuseAll(`the image ${image} does not support services. Rebuild it from this version's corral/sandbox`);
  }
  tell(`Starting the services ${names}`);
  const host = {
    async start(name: string, within: AbortSignal) {
      const spec = specs.get(name);
      if (!spec) return;
      // The list of allowed images can change after the session is created.
      if (!isImageAllowed(spec.image, settings.config.sandbox.serviceImages)) {
        const text = `the server no longer allows the image ${spec.image} (CORRAL_SANDBOX_SERVICE_IMAGES).`;
        throw new AppError('sandbox_unavailable', text);
      }
      await driver.startService(
        sandbox,
        spec,
        { signal: within },
        (news) => news.detail && tell(`${name}: ${news.detail}`),
      );
    },
    states: (within: AbortSignal) => driver.services(sandbox, { signal: within }),
    listening: async (within: AbortSignal) => (await client.ports.list(within)).map(({ port }) => port),
  };
  const patienceMs = settings.config.sandbox.serviceStartSeconds * 1_000;
  await startServices({ host, services: settings.services, clock, patienceMs, tell: report }, signal);
}
