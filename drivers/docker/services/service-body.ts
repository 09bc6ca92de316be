import type { ContainerCreateOptions } from 'dockerode';
import type { ServiceSpec } from '../../driver.ts';
import { detached, wallsFor } from '../create-body.ts';

export interface ServiceRequest {
  readonly service: ServiceSpec;
  readonly name: string;
  /** The content id of the image, so that a tag that moves meanwhile changes nothing. */
  readonly image: string;
  /** The folders that the image says it writes to. */
  readonly volumes: readonly string[];
  /** The container of the sandbox, whose loopback interface the service shares. */
  readonly sandbox: string;
  /** Never the user of the sandbox: its forwarder to the egress proxy refuses all others. */
  readonly user: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly runtime: string | undefined;
}

const mebibyte = 2 ** 20;
const nanoseconds = 1e9;

/** A service's container has the walls of a sandbox, and neither its workspace nor its sockets. */
export function serviceBody(request: ServiceRequest): ContainerCreateOptions {
  const { service, name, image, volumes, sandbox, user, labels, runtime } = request;
  const { memoryBytes } = service.limits;
  // Files in memory count as the service's memory, so its own limit holds for all of these folders together.
  const scratch = `rw,nosuid,nodev,exec,size=${memoryBytes},uid=${user},gid=${user}`;
  const folders = [...new Set(['/run', ...volumes, ...(service.scratch ?? [])])];
  const host = {
    ...wallsFor(service.limits),
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
    Healthcheck: healthOf(service),
    ...detached,
    HostConfig: host,
  };
}

/** Without a check of its own a service has none: the one of its image could be anything. */
function healthOf({ healthcheck }: ServiceSpec): NonNullable<ContainerCreateOptions['Healthcheck']> {
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
