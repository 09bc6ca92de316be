import type { ContainerCreateOptions } from 'dockerode';
import type { ServiceSpec } from '../../driver.ts';
import { createIsolationConfig, detachedStreams } from '../create-body.ts';

export interface ServiceContainerRequest {
  readonly service: ServiceSpec;
  readonly name: string;
  /** Content id, so that a moved tag changes nothing. */
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

/** Isolated like a sandbox, but without a workspace and sockets. */
export function createServiceBody(request: ServiceContainerRequest): ContainerCreateOptions {
  const { service, name, image, volumes, sandbox, user, labels, runtime } = request;
  const { memoryBytes } = service.limits;
  // Files in a tmpfs count towards the service's memory limit.
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

/** A service without a health check in its spec gets none, because the image's check is untrusted. */
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
