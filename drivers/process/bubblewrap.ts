import { dirname } from 'node:path';
import type { SandboxLimits } from '../driver.ts';
import { workspaceAlias, sandboxHome as workspaceHome } from '../shared/home.ts';
import type { LimitName } from './cgroup/limits.ts';
import type { FolderVolume } from './volumes.ts';

export const sharedUserId = 10_001;
const home = '/home/agent';
export const sandboxToolsFolder = '/opt/corral';
const sealed = `${sandboxToolsFolder}/sealed`;
const screenPath = '/run/screen';

export interface Bubblewrap {
  readonly path: string;
  readonly asRoot: boolean;
  readonly system: readonly string[];
  /** Whether the machine has `sudo`, which cannot work in a sandbox and is replaced. */
  readonly hasSudo: boolean;
  /** Files in /proc that reveal keys, other users or other processes; empty inside sandboxes. */
  readonly masked: readonly string[];
  readonly seccomp: Buffer | undefined;
  readonly disablesNesting: boolean;
}
export interface BubblewrapOptions {
  readonly mount: string;
  readonly workspace: string;
  readonly accounts: string;
  readonly node: string;
  readonly init: string;
  readonly daemon: string;
  /** Path of a loader that hides the memory of pid 1 and the daemon. */
  readonly seal: string | undefined;
  /** Also an argument of pid 1, because a sealed environment is unreadable. */
  readonly id: string;
  readonly browserPolicy?: string;
  readonly screen: string | undefined;
  readonly volumes?: readonly FolderVolume[];
  readonly limits: SandboxLimits;
  readonly user: number;
  /** Limits enforced by cgroups. */
  readonly grouped: readonly LimitName[];
  readonly groups: readonly (readonly [folder: string, path: string])[];
  readonly infoFd: number;
  readonly seccompFd: number;
}

export function createNamespaceArguments({ asRoot, disablesNesting }: Omit<Bubblewrap, 'path'>): string[] {
  const isolated = ['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'];
  // `setpriv` needs these capabilities to change the user, then drops them (see `createUserSwitchArguments`).
  const rights = ['SETUID', 'SETGID', 'SETPCAP'].flatMap((name) => ['--cap-add', `CAP_${name}`]);
  if (asRoot) return [...isolated, '--cap-drop', 'ALL', ...rights];
  const own = ['--unshare-user', ...(disablesNesting ? ['--disable-userns'] : [])];
  return [...own, '--uid', `${sharedUserId}`, '--gid', `${sharedUserId}`, ...isolated, '--cap-drop', 'ALL'];
}

// An escaped process must not be root on the machine.
export function createUserSwitchArguments({ asRoot }: Pick<Bubblewrap, 'asRoot'>, user: number): string[] {
  if (!asRoot) return [];
  const ids = ['--reuid', `${user}`, '--regid', `${user}`, '--clear-groups'];
  return ['/usr/bin/setpriv', ...ids, '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'];
}

export function createBubblewrapArguments(found: Bubblewrap, inside: BubblewrapOptions): string[] {
  const { mount, workspace, accounts, node, init, daemon, browserPolicy, limits, infoFd, groups } = inside;
  const policies = ['/etc/chromium', '/etc/chromium/policies', '/etc/chromium/policies/managed'];
  const counters = groups.length === 0 ? [] : ['/sys', '/sys/fs', '/sys/fs/cgroup'];
  const quarter = Math.floor(limits.memoryBytes / 4);
  /** Files in a tmpfs use memory, so all tmpfs mounts together must leave some for processes. */
  const scratch = (path: string, size = quarter) => ['--perms', '1777', '--size', `${size}`, '--tmpfs', path];
  const shared = browserPolicy === undefined ? Math.min(quarter, 64 * 2 ** 20) : quarter;
  return [
    ...createNamespaceArguments(found),
    ...['--hostname', 'sandbox', '--as-pid-1', '--info-fd', `${infoFd}`],
    ...(found.seccomp === undefined ? [] : ['--seccomp', `${inside.seccompFd}`]),
    // When run as root, bubblewrap creates missing folders with mode 0700, which keeps the sandbox's user out.
    ...[
      '/etc',
      '/etc/profile.d',
      '/var',
      '/home',
      ...(browserPolicy === undefined ? [] : policies),
      '/opt',
      sandboxToolsFolder,
      `${sandboxToolsFolder}/bin`,
      ...counters,
    ].flatMap((path) => ['--perms', '0755', '--dir', path]),
    ...found.system,
    ...['--ro-bind', `${accounts}/passwd`, '/etc/passwd', '--ro-bind', `${accounts}/group`, '/etc/group'],
    ...['--ro-bind', `${accounts}/profile`, '/etc/profile.d/corral.sh'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...[`${sandboxToolsFolder}/bin/sudo`, ...(found.hasSudo ? ['/usr/bin/sudo'] : [])].flatMap((path) => [
      ...['--ro-bind', `${accounts}/sudo`, path],
    ]),
    ...found.masked.flatMap((path) => ['--ro-bind', '/dev/null', path]),
    ...groups.flatMap(([folder, path]) => ['--ro-bind', folder, path]),
    ...[...scratch('/dev/shm', shared), ...scratch('/tmp'), ...['--symlink', '/tmp', '/var/tmp'], ...scratch(home)],
    ...scratch('/mnt', 2 ** 20), // holds links into the workspace, such as /mnt/session; see src/sessions/setup
    ...['--tmpfs', '/run', '--ro-bind', mount, '/run/corral'],
    ...(inside.screen === undefined ? [] : ['--bind', inside.screen, screenPath]),
    ...['--ro-bind', node, `${sandboxToolsFolder}/bin/node`, '--ro-bind', init, `${sandboxToolsFolder}/init.sh`],
    ...['--ro-bind', daemon, `${sandboxToolsFolder}/sandboxd.mjs`],
    // The variable tells pid 1 that it is already running through the loader.
    ...(inside.seal === undefined ? [] : ['--ro-bind', inside.seal, sealed, '--setenv', 'CORRAL_SEAL', sealed]),
    ...(browserPolicy === undefined ? [] : ['--ro-bind', browserPolicy, `${policies.at(-1)}/corral.json`]),
    ...['--bind', workspace, workspaceAlias, '--bind', workspace, '/workspace', '--chdir', '/workspace'],
    ...(inside.volumes ?? []).flatMap(boundAt),
    ...['--remount-ro', '/', '--'],
    ...createUserSwitchArguments(found, inside.user),
    ...limited(found, inside),
    ...(inside.seal === undefined ? [] : [sealed]),
    ...[
      '/bin/sh',
      `${sandboxToolsFolder}/init.sh`,
      `${sandboxToolsFolder}/bin/node`,
      `${sandboxToolsFolder}/sandboxd.mjs`,
      inside.id,
    ],
  ];
}

/** Creates parent folders explicitly, because bubblewrap would create them with mode 0700. */
function boundAt({ folder, path, access }: FolderVolume): string[] {
  const [, ...parts] = dirname(path).split('/');
  const parents = parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`).filter((parent) => parent !== '/');
  return [
    ...parents.flatMap((parent) => ['--perms', '0755', '--dir', parent]),
    ...[access === 'write' ? '--bind' : '--ro-bind', folder, path],
  ];
}

function limited({ asRoot }: Bubblewrap, { limits, grouped, user }: BubblewrapOptions): string[] {
  // Outside a user namespace, the kernel counts the processes of all sandboxes with this user together.
  const isCounted = !asRoot || user !== sharedUserId;
  const processes = !grouped.includes('pids') && isCounted ? `ulimit -u ${limits.pids} || exit 70; ` : '';
  const memory = grouped.includes('memoryBytes') ? '' : `ulimit -d ${processKibibytes(limits)} || exit 70; `;
  const set = `${processes}${memory}`;
  // Bash, because Debian's sh (dash) does not support `ulimit -u`.
  return set === '' ? [] : ['/bin/bash', '-c', `${set}exec "$@"`, 'bash'];
}

/** The extra 1 GiB covers memory that Node reserves but mostly does not use. */
const processKibibytes = ({ memoryBytes }: SandboxLimits) => Math.floor((memoryBytes + 2 ** 30) / 1024);

export const screenEnvironment = { CORRAL_SCREEN_DIR: screenPath } as const;

export const sandboxEnvironment = {
  PATH: `${sandboxToolsFolder}/bin:/usr/local/bin:/usr/bin:/bin`,
  HOME: workspaceHome,
  USER: 'user',
  CORRAL_WORKSPACE: '/workspace',
  CORRAL_WORKSPACE_ALIAS: workspaceAlias,
  CORRAL_RUN_DIR: '/run/corral',
  CORRAL_QUIET: '1',
} as const;

/** A login shell takes its PATH from /etc/profile, which does not include the folder of the sandbox's own programs. */
const profile = `case ":$PATH:" in *:${sandboxToolsFolder}/bin:*) ;; *) PATH="${sandboxToolsFolder}/bin:$PATH" ;; esac\n`;

export const createAccountFiles = (user: number) => ({
  profile,
  passwd: `root:x:0:0:root:/root:/bin/bash\nuser:x:${user}:${user}::${workspaceAlias}:/bin/bash\n`,
  group: `root:x:0:\nuser:x:${user}:\n`,
});
