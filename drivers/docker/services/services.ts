import type Dockerode from 'dockerode';
import type { ContainerCreateOptions } from 'dockerode';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { SandboxId } from '../../../src/core/model/ids.ts';
import type { ServiceStatus } from '../../../src/core/model/services/recipe.ts';
import type { CallOptions, ProvisionProgress, SandboxInfo, ServiceSpec } from '../../driver.ts';
import { createIsolationConfig, detachedStreams } from '../create-body.ts';
import {
  callEngine,
  findEngineObject,
  pauseContainer,
  readEngineErrorStatus,
  readEngineErrorText,
  removeContainer,
} from '../engine.ts';
import type { EngineImages } from '../images.ts';
import { createInstanceFilter, createSandboxLabels } from '../labels.ts';
import { imageUserId, type UserIdAllocator, userLabel } from '../users.ts';

interface ServiceContainerRequest {
  readonly service: ServiceSpec;
  readonly name: string;
  readonly image: string;
  readonly volumes: readonly string[];
  readonly sandbox: string;
  /** Never the sandbox's user: the forwarder to the egress proxy admits only that user. */
  readonly user: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly runtime: string | undefined;
}

const mebibyte = 2 ** 20;
const nanoseconds = 1e9;

export function createServiceBody(request: ServiceContainerRequest): ContainerCreateOptions {
  const { service, name, image, volumes, sandbox, user, labels, runtime } = request;
  const { memoryBytes } = service.limits;
  const scratch = `rw,nosuid,nodev,exec,size=${memoryBytes},uid=${user},gid=${user}`;
  const folders = [...new Set(['/run', ...volumes, ...(service.scratch ?? [])])];
  const host = {
    ...createIsolationConfig(service.limits),
    NetworkMode: `container:${sandbox}`,
    ShmSize: Math.max(mebibyte, Math.min(64 * mebibyte, Math.floor(memoryBytes / 4))),
    Tmpfs: {
      '/tmp': `rw,nosuid,nodev,exec,size=${memoryBytes},mode=1777`,
      ...Object.fromEntries(folders.map((folder) => [folder, `${scratch},mode=755`])),
    },
    ...(runtime !== undefined && { Runtime: runtime }),
  };
  return {
    name,
    Image: image,
    User: `${user}:${user}`,
    ...(service.command && { Cmd: [...service.command] }),
    Env: Object.entries(service.env ?? {}).map(([key, value]) => `${key}=${value}`),
    Labels: { ...labels },
    Healthcheck: toHealthcheck(service),
    ...detachedStreams,
    HostConfig: host,
  };
}

/** Ignores the image's own health check, which is untrusted. */
function toHealthcheck({ healthcheck }: ServiceSpec): NonNullable<ContainerCreateOptions['Healthcheck']> {
  if (!healthcheck) return { Test: ['NONE'] };
  const { test, intervalSeconds, timeoutSeconds, retries } = healthcheck;
  return {
    Test: ['CMD', ...test],
    Interval: intervalSeconds * nanoseconds,
    Timeout: timeoutSeconds * nanoseconds,
    Retries: retries,
    StartPeriod: 0,
  };
}

export const serviceNameLabel = 'corral.service';
/** Without this label, removal skips the search for services. */
export const mayHaveServicesLabel = 'corral.services';
/** Id of the sandbox container that the service joined. */
const besideLabel = 'corral.beside';
const contentLabel = 'corral.service-content';
const sharedUser = imageUserId + 1;

interface Options {
  readonly engine: Dockerode;
  readonly images: EngineImages;
  readonly users: UserIdAllocator;
  readonly instance: string;
  readonly nameOf: (id: SandboxId) => string;
  readonly labels: Readonly<Record<string, string>>;
  readonly runtime: string | undefined;
}
interface ServiceStart {
  readonly info: SandboxInfo;
  readonly sandbox: string;
  readonly service: ServiceSpec;
  readonly news: ((news: ProvisionProgress) => void) | undefined;
}

export function openDockerServices({ engine, images, users, instance, nameOf, labels, runtime }: Options) {
  const nameFor = (id: SandboxId, service: string) => `${nameOf(id)}-svc-${service}`;

  const all = (id: SandboxId, signal: AbortSignal): Promise<Dockerode.ContainerInfo[]> => {
    const filters = { label: [createInstanceFilter(instance), `corral.sandbox=${id}`, serviceNameLabel] };
    return callEngine(signal, () => engine.listContainers({ all: true, filters, abortSignal: signal }));
  };

  /** Removes an outdated container. Rejects with sandbox_unavailable if another program's container has this name. */
  async function present(name: string, requested: Readonly<Record<string, string>>, signal: AbortSignal) {
    const found = await findEngineObject(signal, () => engine.getContainer(name).inspect({ abortSignal: signal }));
    if (!found) return undefined;
    const own = found.Config.Labels ?? {};
    if (own['corral.owner-instance'] !== instance) {
      const advice = 'Remove it, or give this installation another name.';
      throw new AppError('sandbox_unavailable', `Another program's container has the name ${name}. ${advice}`);
    }
    if ([besideLabel, contentLabel].every((label) => own[label] === requested[label])) return found;
    await removeService(found.Id, signal);
    return undefined;
  }

  const removeService = (id: string, signal: AbortSignal) => removeContainer(engine, id, instance, signal);

  async function create(body: Dockerode.ContainerCreateOptions, signal: AbortSignal): Promise<string | undefined> {
    const { name, ...rest } = body;
    // dockerode would put a combined object into the URL, which the engine logs.
    const options = { _query: { name }, _body: rest } as Dockerode.ContainerCreateOptions;
    try {
      return (await callEngine(signal, () => engine.createContainer(options))).id;
    } catch (error) {
      if (readEngineErrorStatus(error) === 409) return undefined;
      throw error;
    }
  }

  return {
    /** Starts or resumes the service. An exited service is not started again. */
    async start({ info, sandbox, service, news }: ServiceStart, call: CallOptions): Promise<void> {
      const { signal } = call;
      const name = nameFor(info.id, service.name);
      const ref = await images.ensure(service.image, call, news);
      const found = await callEngine(signal, () => engine.getImage(ref).inspect());
      const own = {
        ...createSandboxLabels(info, instance, labels),
        [serviceNameLabel]: service.name,
        [besideLabel]: sandbox,
        [contentLabel]: found.Id,
        'corral.image': service.image,
      };
      for (;;) {
        const there = await present(name, own, signal);
        if (there?.State.Paused) {
          await callEngine(signal, () => engine.getContainer(there.Id).unpause({ abortSignal: signal }));
        }
        if (there && there.State.Status !== 'created') return;
        if (there) await removeService(there.Id, signal);
        const user = await freeUser(signal);
        const volumes = Object.keys((found.Config?.Volumes as object | undefined) ?? {});
        const request = { service, name, image: found.Id, volumes, sandbox, user, runtime };
        const id = await create(
          createServiceBody({ ...request, labels: { ...own, [userLabel]: String(user) } }),
          signal,
        );
        if (id === undefined) {
          await sleep(25, signal);
          continue;
        }
        try {
          await users.checkAlone(user, id, signal);
          await callEngine(signal, () => engine.getContainer(id).start({ abortSignal: signal }));
        } catch (error) {
          await removeService(id, AbortSignal.timeout(10_000)).catch(() => {});
          if (readEngineErrorStatus(error) === undefined) throw error;
          throw new AppError(
            'sandbox_unavailable',
            `The engine did not start the service: ${readEngineErrorText(error)}`,
            {
              cause: error,
            },
          );
        }
        return;
      }
    },

    async states(id: SandboxId, signal: AbortSignal): Promise<Omit<ServiceStatus, 'ports'>[]> {
      const found = await all(id, signal);
      const states = await Promise.all(
        found.map(({ Id }) =>
          findEngineObject(signal, () => engine.getContainer(Id).inspect({ abortSignal: signal })).then(
            (one) => one && toState(one),
          ),
        ),
      );
      return states.filter((state) => state !== undefined).sort((a, b) => (a.name < b.name ? -1 : 1));
    },

    async remove(id: SandboxId, signal: AbortSignal): Promise<void> {
      await Promise.all((await all(id, signal)).map(({ Id }) => removeService(Id, signal)));
    },

    async freeze(id: SandboxId, signal: AbortSignal): Promise<void> {
      const running = (await all(id, signal)).filter(({ State }) => State === 'running');
      await Promise.all(
        running.map(({ Id }) =>
          pauseContainer(engine.getContainer(Id), signal).catch((error: unknown) => {
            if (readEngineErrorStatus(error) !== 409) throw error;
          }),
        ),
      );
    },

    async thaw(id: SandboxId, signal: AbortSignal): Promise<void> {
      const frozen = (await all(id, signal)).filter(({ State }) => State === 'paused');
      await Promise.all(
        frozen.map(({ Id }) => callEngine(signal, () => engine.getContainer(Id).unpause({ abortSignal: signal }))),
      );
    },
  };

  async function freeUser(signal: AbortSignal): Promise<number> {
    const user = await users.choose(signal);
    return user === imageUserId ? sharedUser : user;
  }
}

export const mayHaveServices = (labels: Readonly<Record<string, string>> | undefined): boolean =>
  labels?.[mayHaveServicesLabel] !== undefined;

function toState({ Config, State }: Dockerode.ContainerInspectInfo): Omit<ServiceStatus, 'ports'> {
  const name = Config.Labels?.[serviceNameLabel] ?? '';
  const image = Config.Labels?.['corral.image'] ?? '';
  if (State.Paused) return { name, image, state: 'paused' };
  if (!State.Running) return { name, image, state: 'exited', exitCode: State.ExitCode };
  const health = State.Health?.Status;
  if (health === 'healthy') return { name, image, state: 'ready' };
  return { name, image, state: health === 'unhealthy' ? 'unhealthy' : 'running' };
}
