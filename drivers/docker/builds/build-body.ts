import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import { createOciProfile } from '../../shared/seccomp/oci.ts';
import { type ContainerRequest, createSandboxBody } from '../create-body.ts';
import { imageUserId } from '../users.ts';

/**
 * Capabilities that apt, dpkg, pip and npm need as root: to own, write and change other users' files, and to switch users. They
 * affect only the container's own files and processes.
 */
export const buildCapabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'] as const;

/**
 * The kernel counts some resources per user, and root in a build is root on the host. Builds get no file watches, so that they
 * cannot exhaust those of the host's own programs; their programs poll instead.
 */
const buildSecurity = ['no-new-privileges', `seccomp=${createOciProfile(['inotify_init', 'inotify_init1'])}`];

/**
 * Files of /proc that are masked in builds: the engine's own list, plus files that only the host's root can read and that reveal
 * the host's memory. The kernel checks the user here, not a capability.
 */
const maskedPaths = [
  ...[
    'asound',
    'acpi',
    'interrupts',
    'kcore',
    'keys',
    'latency_stats',
    'timer_list',
    'timer_stats',
    'sched_debug',
    'scsi',
  ],
  ...['kpageflags', 'kpagecount', 'kpagecgroup', 'vmallocinfo', 'slabinfo', 'pagetypeinfo'],
].map((name) => `/proc/${name}`);

/** Replaces the workspace as the daemon's folder. A tmpfs, so its files stay out of the image. */
const scratch = '/home/agent';
/** Prefix of the daemon's command, so that the daemon runs as the image's user. Every other process is a command of the build. */
const asImageUser = ['setpriv', `--reuid=${imageUserId}`, `--regid=${imageUserId}`, '--clear-groups', '--'];

/**
 * Like a sandbox's container, but the root file system is writable and root has a few capabilities. There is no workspace,
 * because images do not include volumes. In return, file watches are refused, more paths are masked, and some limits are lower.
 */
export function createBuildBody(request: ContainerRequest, start: readonly string[]): ContainerCreateOptions {
  const body = createSandboxBody(request);
  const host = body.HostConfig as HostConfig;
  const { diskBytes } = request.spec.limits;
  const env = { CORRAL_WORKSPACE: scratch, CORRAL_WORKSPACE_ALIAS: scratch, HOME: `${scratch}/home` };
  const isReplaced = (pair: string) => pair.slice(0, pair.indexOf('=')) in env;
  return {
    ...body,
    // Commands get root's capabilities only if the container was started as root.
    User: '0:0',
    Entrypoint: [...asImageUser, ...start],
    Cmd: [],
    WorkingDir: '/',
    Env: [
      ...(body.Env ?? []).filter((pair) => !isReplaced(pair)),
      ...Object.entries(env).map((pair) => pair.join('=')),
    ],
    HostConfig: {
      ...host,
      CapAdd: [...buildCapabilities],
      SecurityOpt: buildSecurity,
      ReadonlyRootfs: false,
      MaskedPaths: [...maskedPaths, '/sys/firmware', '/sys/devices/virtual/powercap'],
      Mounts: (host.Mounts ?? []).filter(({ Type }) => Type === 'bind'),
      Ulimits: [
        ...(host.Ulimits ?? []),
        // The kernel limits each file; the driver measures the total.
        { Name: 'fsize', Soft: diskBytes, Hard: diskBytes },
        // Lowered, because the host's root has much higher limits.
        { Name: 'sigpending', Soft: 1_024, Hard: 1_024 },
        { Name: 'msgqueue', Soft: 65_536, Hard: 65_536 },
      ],
    },
  };
}
