import type { V1Container, V1ContainerStatus, V1Pod, V1SeccompProfile, V1Volume } from '@kubernetes/client-node';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { ServiceStatus } from '../../../src/core/model/services/recipe.ts';
import type { ServiceSpec } from '../../driver.ts';
import type { PodSettings } from '../options.ts';
import { computeResources, containerWalls } from './container-walls.ts';
import { explainWaiting } from './pod-state.ts';

// Services are additional containers of the sandbox's pod: they share its loopback interface and network policy, and
// end with it. They run as another user, without its volumes, variables and tokens.

/** Never the sandbox's user: the forwarder to the egress proxy admits only that user. */
const user = 10_002;
const prefix = 'svc-';
const logBytes = 64 * 2 ** 20;
const nameOf = (service: string) => `${prefix}${service}`;

interface PodRules extends Pick<PodSettings, 'imagePullPolicy' | 'requestShare'> {
  readonly seccompProfile: V1SeccompProfile;
}

export function serviceContainers(services: readonly ServiceSpec[], rules: PodRules): V1Container[] {
  return services.map((service): V1Container => {
    const { name, image, command, env = {}, healthcheck, limits } = service;
    return {
      name: nameOf(name),
      image,
      imagePullPolicy: rules.imagePullPolicy,
      ...(command && { args: command.map(unexpanded) }),
      env: Object.entries(env).map(([key, value]) => ({ name: key, value: unexpanded(value) })),
      resources: computeResources({ ...limits, diskBytes: logBytes }, rules.requestShare),
      securityContext: {
        ...containerWalls(rules.seccompProfile),
        runAsUser: user,
        runAsGroup: user,
      },
      ...(healthcheck && {
        readinessProbe: {
          exec: { command: [...healthcheck.test] },
          periodSeconds: Math.ceil(healthcheck.intervalSeconds),
          timeoutSeconds: Math.ceil(healthcheck.timeoutSeconds),
          failureThreshold: healthcheck.retries,
        },
      }),
      volumeMounts: foldersOf(service).map((mountPath) => ({
        name: nameOf(name),
        mountPath,
        subPath: mountPath.slice(1).replaceAll('/', '_'),
      })),
    };
  });
}

/** One memory volume per service. Its files count as memory of the container that writes them. */
export const serviceVolumes = (services: readonly ServiceSpec[]): V1Volume[] =>
  services.map(({ name, limits }) => ({
    name: nameOf(name),
    emptyDir: { medium: 'Memory', sizeLimit: String(limits.memoryBytes) },
  }));

export const serviceAliases = (services: readonly ServiceSpec[]) =>
  services.length === 0 ? {} : { hostAliases: [{ ip: '127.0.0.1', hostnames: services.map(({ name }) => name) }] };

const foldersOf = ({ scratch = [] }: ServiceSpec) => [...new Set(['/tmp', '/run', ...scratch])];
/** Doubled, because the kubelet would expand `$(NAME)`. */
const unexpanded = (text: string) => text.replaceAll('$(', () => '$$(');

const statusesOf = ({ status }: V1Pod): readonly V1ContainerStatus[] =>
  (status?.containerStatuses ?? []).filter(({ name }) => name.startsWith(prefix));

export function serviceStates(pod: V1Pod): Omit<ServiceStatus, 'ports'>[] {
  return statusesOf(pod)
    .map(({ name, image, ready, state }): Omit<ServiceStatus, 'ports'> => {
      const own = { name: name.slice(prefix.length), image };
      if (state?.terminated) return { ...own, state: 'exited', exitCode: state.terminated.exitCode };
      if (!state?.running) return { ...own, state: 'absent' };
      const probed = pod.spec?.containers.some((it) => it.name === name && it.readinessProbe) ?? false;
      return { ...own, state: probed && ready ? 'ready' : 'running' };
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** `waiting`: its image is being pulled, or other containers start first. Throws if waiting does not help. */
export function serviceStart(pod: V1Pod, { name, image }: ServiceSpec): 'waiting' | 'begun' {
  const has = pod.spec?.containers.some((it) => it.name === nameOf(name)) ?? false;
  if (!has) {
    throw new AppError(
      'sandbox_unavailable',
      'The sandbox was started without this service. Stop it and start it again.',
    );
  }
  const found = statusesOf(pod).find((it) => it.name === nameOf(name))?.state;
  if (found?.running || found?.terminated) return 'begun';
  const refused = found?.waiting && explainWaiting(found.waiting);
  if (refused?.kind === 'failed') throw new AppError(refused.error.code, `${image}: ${refused.error.publicMessage}`);
  return 'waiting';
}
