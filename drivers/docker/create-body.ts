import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import type { Secret } from '../../src/core/secret.ts';
import type { SandboxSpec } from '../driver.ts';
import { home } from '../shared/home.ts';
import { ociProfile } from '../shared/seccomp/oci.ts';
import { tokenEnvironment } from '../shared/token.ts';

// Missing from the type definitions.
interface Host extends HostConfig {
  readonly CgroupnsMode: 'private';
}

const mebibyte = 2 ** 20;

/** With our own seccomp profile, and the engine's own AppArmor profile by naming none. The engine filter insists on it. */
export const securityOptions: readonly string[] = ['no-new-privileges', `seccomp=${ociProfile()}`];

export interface ContainerRequest {
  readonly spec: SandboxSpec;
  /** The user inside: of its own for each sandbox, or the image's. */
  readonly user: number;
  readonly name: string;
  /** Its workspace's, where that has not the same name. */
  readonly volume?: string;
  /** The image to run, which for the default image is a tag that names its content. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly token: Secret;
  /** Another runtime than the engine's own, such as gVisor's. */
  readonly runtime?: string | undefined;
  /** The server's folder with the sandbox's two sockets. */
  readonly mount: string;
}

/** The one place that says what a sandbox's container may do; everything it does not grant is refused. */
export function createBody({
  spec,
  user,
  name,
  volume = name,
  image,
  labels,
  token,
  mount,
  runtime,
}: ContainerRequest): ContainerCreateOptions {
  const { memoryBytes, cpus, pids, diskBytes } = spec.limits;
  const owned = `uid=${user},gid=${user}`;
  // Files in a tmpfs count as memory, so together they get no more than half of it.
  const scratch = `rw,nosuid,nodev,exec,size=${Math.floor(memoryBytes / 4)}`;
  const env = {
    ...spec.env,
    HOME: home,
    CORRAL_SANDBOX_ID: spec.id,
    ...tokenEnvironment(token, '/run/corral'),
    CORRAL_WORKSPACE: '/workspace',
    CORRAL_RUN_DIR: '/run/corral',
    CORRAL_MEMORY_BYTES: String(memoryBytes),
    CORRAL_DISK_BYTES: String(diskBytes),
  };
  const host: Host = {
    Privileged: false,
    CapDrop: ['ALL'],
    SecurityOpt: [...securityOptions],
    ReadonlyRootfs: true,
    NetworkMode: 'none',
    IpcMode: 'private',
    CgroupnsMode: 'private',
    Memory: memoryBytes,
    MemorySwap: memoryBytes,
    NanoCpus: Math.round(cpus * 1e9),
    PidsLimit: pids,
    ShmSize: spec.env.CORRAL_DESKTOP === 'on' ? Math.floor(memoryBytes / 4) : 64 * mebibyte, // a browser's tabs share it
    Ulimits: [
      { Name: 'nofile', Soft: 4_096, Hard: 4_096 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    Tmpfs: {
      '/tmp': `${scratch},mode=1777`,
      '/run': `rw,nosuid,nodev,noexec,size=${16 * mebibyte},mode=755,${owned}`,
      '/home/agent': `${scratch},mode=700,${owned}`,
    },
    Mounts: [
      { Type: 'bind', Source: mount, Target: '/run/corral', ReadOnly: true, BindOptions: { Propagation: 'rprivate' } },
      // The engine makes the volume with the container, with these labels, so that it is found without one.
      { Type: 'volume', Source: volume, Target: '/workspace', VolumeOptions: volumeOptions(labels) },
    ],
    RestartPolicy: { Name: 'no' },
    LogConfig: { Type: 'local', Config: { 'max-size': '1m', 'max-file': '1', compress: 'false' } },
    AutoRemove: false,
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
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    OpenStdin: false,
    Tty: false,
    HostConfig: host,
  };
}

const volumeOptions = (labels: Readonly<Record<string, string>>) => ({
  NoCopy: false, // the image's /workspace belongs to the sandbox's user, and a new volume inherits that
  Labels: { ...labels },
  DriverConfig: { Name: 'local', Options: {} },
});
