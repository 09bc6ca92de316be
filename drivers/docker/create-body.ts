import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import type { Secret } from '../../src/core/text/secret.ts';
import type { SandboxLimits, SandboxSpec } from '../driver.ts';
import { sandboxHome, workspaceAlias } from '../shared/home.ts';
import { createTokenEnvironment } from '../shared/link/token.ts';
import { createSeccompProfile } from '../shared/seccomp/oci.ts';
import { createVolumeLimitEnvironment } from '../shared/volume-limits.ts';

interface Host extends HostConfig {
  readonly CgroupnsMode: 'private';
}

const mebibyte = 2 ** 20;
/** Low compared to the default of 1,024, so the server always gets CPU time. */
export const sandboxCpuShares = 16;

/** The engine filter requires exactly these options. The engine adds its default AppArmor profile. */
export const securityOptions: readonly string[] = ['no-new-privileges', `seccomp=${createSeccompProfile()}`];

export interface ContainerRequest {
  readonly spec: SandboxSpec;
  readonly user: number;
  readonly name: string;
  readonly volumeNames?: readonly string[];
  /** Default: the container's name. */
  readonly volume?: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly token: Secret;
  readonly runtime?: string | undefined;
  readonly mount: string;
}

export const createIsolationConfig = ({
  memoryBytes,
  cpus,
  pids,
}: Pick<SandboxLimits, 'memoryBytes' | 'cpus' | 'pids'>) =>
  ({
    Privileged: false,
    CapDrop: ['ALL'],
    SecurityOpt: [...securityOptions],
    ReadonlyRootfs: true,
    IpcMode: 'private',
    CgroupnsMode: 'private',
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    NanoCpus: Math.round(cpus * 1e9),
    CpuShares: sandboxCpuShares,
    PidsLimit: pids,
    Ulimits: [
      { Name: 'nofile', Soft: 4_096, Hard: 4_096 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'local', Config: { 'max-size': '1m', 'max-file': '1', compress: 'false' } },
    AutoRemove: false,
  }) satisfies Host;

export const detachedStreams = {
  AttachStdin: false,
  AttachStdout: false,
  AttachStderr: false,
  OpenStdin: false,
  Tty: false,
} as const;

export function createSandboxBody({
  spec,
  user,
  name,
  volume = name,
  volumeNames = [],
  image,
  labels,
  token,
  mount,
  runtime,
}: ContainerRequest): ContainerCreateOptions {
  const { memoryBytes, diskBytes } = spec.limits;
  const services = spec.services ?? [];
  const owned = `uid=${user},gid=${user}`;
  /** Files in a tmpfs count as memory, so /tmp and /home/agent together get at most half. */
  const scratch = `rw,nosuid,nodev,exec,size=${Math.floor(memoryBytes / 4)}`;
  const env = {
    ...spec.env,
    HOME: sandboxHome,
    CORRAL_SANDBOX_ID: spec.id,
    ...createTokenEnvironment(token, '/run/corral'),
    CORRAL_WORKSPACE: '/workspace',
    CORRAL_WORKSPACE_ALIAS: workspaceAlias,
    CORRAL_RUN_DIR: '/run/corral',
    CORRAL_MEMORY_BYTES: String(memoryBytes),
    CORRAL_DISK_BYTES: String(diskBytes),
    ...createVolumeLimitEnvironment(spec.volumes),
    // services share the sandbox's loopback interface, so the forwarder checks the user
    ...(services.length > 0 && { CORRAL_EGRESS_OWN_USER: '1' }),
  };
  const host: Host = {
    ...createIsolationConfig(spec.limits),
    NetworkMode: 'none',
    ...(services.length > 0 && { ExtraHosts: services.map((it) => `${it.name}:127.0.0.1`) }),
    ShmSize: spec.env.CORRAL_DESKTOP === 'on' ? Math.floor(memoryBytes / 4) : 64 * mebibyte,
    Tmpfs: {
      '/tmp': `${scratch},mode=1777`,
      '/run': `rw,nosuid,nodev,noexec,size=${16 * mebibyte},mode=755,${owned}`,
      '/home/agent': `${scratch},mode=700,${owned}`,
      '/mnt': `rw,nosuid,nodev,noexec,size=${mebibyte},mode=755,${owned}`,
    },
    Mounts: [
      { Type: 'bind', Source: mount, Target: '/run/corral', ReadOnly: true, BindOptions: { Propagation: 'rprivate' } },
      // `list` finds the volume by these labels if the container is gone.
      { Type: 'volume', Source: volume, Target: '/workspace', VolumeOptions: volumeOptions(labels) },
      // The order of the two mounts is not fixed, so only /workspace copies the image's files.
      {
        Type: 'volume',
        Source: volume,
        Target: workspaceAlias,
        VolumeOptions: { ...volumeOptions(labels), NoCopy: true },
      },
      ...(spec.volumes ?? []).map(({ path, access }, at) => ({
        Type: 'volume' as const,
        Source: volumeNames[at] ?? '',
        Target: path,
        ReadOnly: access === 'read',
        VolumeOptions: { NoCopy: true, Labels: {}, DriverConfig: { Name: 'local', Options: {} } },
      })),
    ],
    ...(runtime !== undefined && { Runtime: runtime }),
  };
  return {
    name,
    Image: image,
    User: `${user}:${user}`,
    WorkingDir: '/workspace',
    Hostname: 'sandbox',
    Env: Object.entries(env).map(([key, value]) => `${key}=${value}`),
    Labels: { ...labels },
    ...detachedStreams,
    HostConfig: host,
  };
}

const volumeOptions = (labels: Readonly<Record<string, string>>) => ({
  NoCopy: false, // copies the image's /workspace, which is world-writable
  Labels: { ...labels },
  DriverConfig: { Name: 'local', Options: {} },
});
