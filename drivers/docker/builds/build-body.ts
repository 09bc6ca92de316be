import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import { ociProfile } from '../../shared/seccomp/oci.ts';
import { type ContainerRequest, createBody } from '../create-body.ts';
import { imageUser } from '../users.ts';

/**
 * The capabilities that apt, dpkg, pip and npm need as root: to own, write and change files of other users, and to become
 * another user. None of them reaches beyond the container's own files and processes.
 */
export const buildCapabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'] as const;

/**
 * The kernel counts some things by user, and root of a build is the host's root. A build that takes all watches of files would
 * take those of the host's own programs, so it has none; programs then look from time to time.
 */
const buildSecurity = ['no-new-privileges', `seccomp=${ociProfile(['inotify_init', 'inotify_init1'])}`];

/**
 * The engine's own list, and what only root of the host can read: the kernel asks for the user, not for a capability, and these
 * files tell of the host's memory.
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

/** Where the daemon works in place of a workspace. It is in memory, so the image gets nothing of it. */
const scratch = '/home/agent';
/** The daemon is the only process that is not a command of the build, and it keeps the user of a sandbox. */
const asImageUser = ['setpriv', `--reuid=${imageUser}`, `--regid=${imageUser}`, '--clear-groups', '--'];

/**
 * The walls of a sandbox, with these differences: the root file system can be written, root has a few capabilities, files are not
 * watched, and there is no workspace, because an image keeps nothing of a volume.
 */
export function buildBody(request: ContainerRequest, start: readonly string[]): ContainerCreateOptions {
  const body = createBody(request);
  const host = body.HostConfig as HostConfig;
  const { diskBytes } = request.spec.limits;
  const env = { CORRAL_WORKSPACE: scratch, CORRAL_WORKSPACE_ALIAS: scratch, HOME: `${scratch}/home` };
  const isReplaced = (pair: string) => pair.slice(0, pair.indexOf('=')) in env;
  return {
    ...body,
    // A command has the capabilities of root only in a container that root starts.
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
        // The kernel refuses a single file over the limit; the driver measures all of them together.
        { Name: 'fsize', Soft: diskBytes, Hard: diskBytes },
        // The host's root can have many more.
        { Name: 'sigpending', Soft: 1_024, Hard: 1_024 },
        { Name: 'msgqueue', Soft: 65_536, Hard: 65_536 },
      ],
    },
  };
}
