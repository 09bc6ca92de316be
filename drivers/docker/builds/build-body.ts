import type { ContainerCreateOptions, HostConfig } from 'dockerode';
import { type ContainerRequest, createBody } from '../create-body.ts';
import { imageUser } from '../users.ts';

/**
 * The capabilities that apt, dpkg, pip and npm need as root: to own, write and change files of other users, and to become
 * another user. None of them reaches beyond the container's own files and processes.
 */
export const buildCapabilities = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETGID', 'SETUID'] as const;

/** Where the daemon works in place of a workspace. It is in memory, so the image gets nothing of it. */
const scratch = '/home/agent';
/** The daemon is the only process that is not a command of the build, and it keeps the user of a sandbox. */
const asImageUser = ['setpriv', `--reuid=${imageUser}`, `--regid=${imageUser}`, '--clear-groups', '--'];

/**
 * The walls of a sandbox, with three differences: the root file system can be written, root has a few capabilities, and there is
 * no workspace, because an image keeps nothing of a volume.
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
      ReadonlyRootfs: false,
      Mounts: (host.Mounts ?? []).filter(({ Type }) => Type === 'bind'),
      // The kernel refuses a single file over the limit; the driver measures all of them together.
      Ulimits: [...(host.Ulimits ?? []), { Name: 'fsize', Soft: diskBytes, Hard: diskBytes }],
    },
  };
}
