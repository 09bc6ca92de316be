import type { SandboxLimits } from '../driver.ts';
import { home as workspaceHome } from '../shared/home.ts';
import type { Limit } from './cgroup/limits.ts';

/** The user inside every sandbox, and on the machine where sandboxes have no users of their own. */
export const sharedUser = 10_001;
const home = '/home/agent';
export const tools = '/opt/corral';

/** How bubblewrap is used on this machine, found out once. */
export interface Bubblewrap {
  readonly path: string;
  /** A server that runs as root makes the namespaces itself and then becomes the sandbox's user for good. */
  readonly asRoot: boolean;
  /** The machine's own programs and libraries, as arguments. */
  readonly system: readonly string[];
  /** Files of /proc that tell of other users; nothing can be read in them inside. */
  readonly masked: readonly string[];
  /** The system call filter; undefined where bubblewrap or the kernel takes none. */
  readonly seccomp: Buffer | undefined;
  /** Bubblewrap itself refuses user namespaces inside the sandbox's own. */
  readonly disablesNesting: boolean;
}
export interface Inside {
  readonly mount: string;
  readonly workspace: string;
  /** Holds `passwd` and `group` for inside. */
  readonly accounts: string;
  readonly node: string;
  readonly init: string;
  readonly daemon: string;
  /** What keeps pid 1 and the daemon from being looked into, where there is such a thing. */
  readonly seal: string | undefined;
  /** On their command lines, for whoever looks for what is left of the sandbox and cannot look into them either. */
  readonly id: string;
  readonly browserPolicy?: string;
  readonly limits: SandboxLimits;
  /** The sandbox's user on this machine. */
  readonly user: number;
  /** The limits that control groups hold; process limits stand in for the others. */
  readonly grouped: readonly Limit[];
  /** The sandbox's own control groups, and where it sees them. */
  readonly groups: readonly (readonly [folder: string, path: string])[];
  /** Bubblewrap tells the sandbox's pid there. */
  readonly infoFd: number;
  /** Bubblewrap reads the system call filter there. */
  readonly seccompFd: number;
}

export function namespaces({ asRoot, disablesNesting }: Omit<Bubblewrap, 'path'>): string[] {
  const isolated = ['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'];
  // Root needs no user namespace. It keeps what changing the user takes, and nothing after that (see `become`).
  const rights = ['SETUID', 'SETGID', 'SETPCAP'].flatMap((name) => ['--cap-add', `CAP_${name}`]);
  if (asRoot) return [...isolated, '--cap-drop', 'ALL', ...rights];
  const own = ['--unshare-user', ...(disablesNesting ? ['--disable-userns'] : [])];
  return [...own, '--uid', `${sharedUser}`, '--gid', `${sharedUser}`, ...isolated, '--cap-drop', 'ALL'];
}

// As another user of the machine a process that found its way out would be nobody, instead of root.
export function become({ asRoot }: Pick<Bubblewrap, 'asRoot'>, user: number): string[] {
  if (!asRoot) return [];
  const ids = ['--reuid', `${user}`, '--regid', `${user}`, '--clear-groups'];
  return ['/usr/bin/setpriv', ...ids, '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'];
}

/** The arguments that start a sandbox: an empty world, into which only what is named here is put. */
export function bubblewrapArguments(found: Bubblewrap, inside: Inside): string[] {
  const { mount, workspace, accounts, node, init, daemon, browserPolicy, limits, infoFd, groups } = inside;
  const policies = ['/etc/chromium', '/etc/chromium/policies', '/etc/chromium/policies/managed'];
  const counters = groups.length === 0 ? [] : ['/sys', '/sys/fs', '/sys/fs/cgroup'];
  const quarter = Math.floor(limits.memoryBytes / 4);
  // Files in them count as memory, which nothing but their removal frees: together they must leave room for processes.
  const scratch = (path: string, size = quarter) => ['--perms', '1777', '--size', `${size}`, '--tmpfs', path];
  const shared = browserPolicy === undefined ? Math.min(quarter, 64 * 2 ** 20) : quarter; // a browser's tabs share it
  return [
    ...namespaces(found),
    ...['--hostname', 'sandbox', '--as-pid-1', '--info-fd', `${infoFd}`],
    ...(found.seccomp === undefined ? [] : ['--seccomp', `${inside.seccompFd}`]),
    // Made by the way, they would be for root alone.
    ...[
      '/etc',
      '/var',
      ...(browserPolicy === undefined ? [] : policies),
      '/opt',
      tools,
      `${tools}/bin`,
      ...counters,
    ].flatMap((path) => ['--perms', '0755', '--dir', path]),
    ...found.system,
    ...['--ro-bind', `${accounts}/passwd`, '/etc/passwd', '--ro-bind', `${accounts}/group`, '/etc/group'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...found.masked.flatMap((path) => ['--ro-bind', '/dev/null', path]),
    ...groups.flatMap(([folder, path]) => ['--ro-bind', folder, path]),
    ...[...scratch('/dev/shm', shared), ...scratch('/tmp'), ...['--symlink', '/tmp', '/var/tmp'], ...scratch(home)],
    ...['--tmpfs', '/run', '--ro-bind', mount, '/run/corral'],
    ...['--ro-bind', node, `${tools}/bin/node`, '--ro-bind', init, `${tools}/init.sh`],
    ...['--ro-bind', daemon, `${tools}/sandboxd.mjs`],
    ...(inside.seal === undefined ? [] : ['--ro-bind', inside.seal, `${tools}/sealed`]),
    ...(browserPolicy === undefined ? [] : ['--ro-bind', browserPolicy, `${policies.at(-1)}/corral.json`]),
    ...['--bind', workspace, '/workspace', '--chdir', '/workspace'],
    ...['--remount-ro', '/', '--'],
    ...become(found, inside.user),
    ...limited(found, inside),
    ...['/bin/bash', `${tools}/init.sh`, `${tools}/bin/node`, `${tools}/sandboxd.mjs`, inside.id],
  ];
}

/** A shell that sets the limits, and the usual mask instead of the server's, and becomes the program; its output would have nowhere bounded to go. */
function limited({ asRoot }: Bubblewrap, { limits, grouped, user }: Inside): string[] {
  // The kernel counts by user. In a user namespace that is this sandbox alone; a shared user would be all of them together.
  const isCounted = !asRoot || user !== sharedUser;
  const processes = !grouped.includes('pids') && isCounted ? `ulimit -u ${limits.pids} || exit 70; ` : '';
  const memory = grouped.includes('memoryBytes') ? '' : `ulimit -d ${processKibibytes(limits)} || exit 70; `;
  const set = `umask 022; ulimit -c 0; ulimit -n 4096; ${processes}${memory}`;
  // Not any shell: that of Debian knows no limit of processes.
  return ['/bin/bash', '-c', `${set}exec "$@" >/dev/null 2>&1`, 'bash'];
}

/** What one process may have that it can write. Node alone reserves over half a GiB, most of which it never touches. */
const processKibibytes = ({ memoryBytes }: SandboxLimits) => Math.floor((memoryBytes + 2 ** 30) / 1024);

export const insideEnvironment = {
  PATH: `${tools}/bin:/usr/local/bin:/usr/bin:/bin`,
  HOME: workspaceHome,
  USER: 'agent',
  CORRAL_WORKSPACE: '/workspace',
  CORRAL_RUN_DIR: '/run/corral',
} as const;

export const accountFiles = (user: number) => ({
  passwd: `root:x:0:0:root:/root:/bin/bash\nagent:x:${user}:${user}::${home}:/bin/bash\n`,
  group: `root:x:0:\nagent:x:${user}:\n`,
});
