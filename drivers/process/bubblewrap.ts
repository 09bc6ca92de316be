import { execFile } from 'node:child_process';
import { readlink, stat } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { SandboxLimits } from '../driver.ts';

/** The user inside every sandbox. */
export const user = 10_001;
const home = '/home/agent';
const tools = '/opt/corral';

/** How bubblewrap is used on this machine, found out once. */
export interface Bubblewrap {
  readonly path: string;
  /** A server that runs as root makes the namespaces itself and then becomes the sandbox's user for good. */
  readonly asRoot: boolean;
  /** The machine's own programs and libraries, as arguments. */
  readonly system: readonly string[];
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
  /** Bubblewrap tells the sandbox's pid there. */
  readonly infoFd: number;
}

// Of /etc only what programs need to run; none of it says who uses this machine.
const configuration = [
  ...['alternatives', 'ssl', 'ca-certificates', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'timezone'],
  ...['nsswitch.conf', 'mime.types', 'bash.bashrc', 'profile', 'inputrc', 'fonts', 'pip.conf', 'npmrc'],
].map((name) => `/etc/${name}`);
const folders = ['/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/** Undefined where there is no bubblewrap, or the kernel does not let it work. */
export async function findBubblewrap(path: string): Promise<Bubblewrap | undefined> {
  const asRoot = process.getuid?.() === 0;
  const system = ['--ro-bind', '/usr', '/usr'];
  for (const folder of folders) {
    const target = await readlink(folder).catch(() => undefined);
    if (target !== undefined) system.push('--symlink', target, folder);
    else if (await stat(folder).catch(() => undefined)) system.push('--ro-bind', folder, folder);
  }
  // Users type either name. On a machine that has none of the first, it is the second.
  if (!(await stat('/usr/bin/python').catch(() => undefined))) {
    system.push('--symlink', '/usr/bin/python3', `${tools}/bin/python`);
  }
  for (const file of configuration) system.push('--ro-bind-try', file, file);
  const found: Bubblewrap = { path, asRoot, system };
  const probe = [...namespaces(found), ...system, '--proc', '/proc', '--dev', '/dev', ...become(found), '/bin/true'];
  return promisify(execFile)(path, probe, { timeout: 5_000 }).then(
    () => found,
    () => undefined,
  );
}

function namespaces({ asRoot }: Bubblewrap): string[] {
  const isolated = ['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--unshare-cgroup-try'];
  // Root needs no user namespace. It keeps what changing the user takes, and nothing after that (see `become`).
  const rights = ['SETUID', 'SETGID', 'SETPCAP'].flatMap((name) => ['--cap-add', `CAP_${name}`]);
  return asRoot
    ? [...isolated, '--cap-drop', 'ALL', ...rights]
    : ['--unshare-user', '--disable-userns', '--uid', `${user}`, '--gid', `${user}`, ...isolated, '--cap-drop', 'ALL'];
}

// As another user of the machine a process that found its way out would be nobody, instead of root.
function become({ asRoot }: Bubblewrap): string[] {
  if (!asRoot) return [];
  const ids = ['--reuid', `${user}`, '--regid', `${user}`, '--clear-groups'];
  return ['/usr/bin/setpriv', ...ids, '--inh-caps=-all', '--bounding-set=-all', '--no-new-privs', '--'];
}

/** The arguments that start a sandbox: an empty world, into which only what is named here is put. */
export function bubblewrapArguments(found: Bubblewrap, inside: Inside): string[] {
  const { mount, workspace, accounts, node, init, daemon, browserPolicy, limits, infoFd } = inside;
  const policies = ['/etc/chromium', '/etc/chromium/policies', '/etc/chromium/policies/managed'];
  const scratch = (path: string) => [
    ...['--perms', '1777', '--size', `${Math.floor(limits.memoryBytes / 4)}`],
    ...['--tmpfs', path],
  ];
  return [
    ...namespaces(found),
    ...['--hostname', 'sandbox', '--as-pid-1', '--info-fd', `${infoFd}`],
    // Made by the way, they would be for root alone.
    ...['/etc', ...(browserPolicy === undefined ? [] : policies), '/opt', tools, `${tools}/bin`].flatMap((path) => [
      '--perms',
      '0755',
      '--dir',
      path,
    ]),
    ...found.system,
    ...['--ro-bind', `${accounts}/passwd`, '/etc/passwd', '--ro-bind', `${accounts}/group`, '/etc/group'],
    ...['--proc', '/proc', '--dev', '/dev'],
    ...[...scratch('/dev/shm'), ...scratch('/tmp'), ...scratch('/var/tmp'), ...scratch(home)],
    ...['--tmpfs', '/run', '--ro-bind', mount, '/run/corral'],
    ...['--ro-bind', node, `${tools}/bin/node`, '--ro-bind', init, `${tools}/init.sh`],
    ...['--ro-bind', daemon, `${tools}/sandboxd.mjs`],
    ...(inside.seal === undefined ? [] : ['--ro-bind', inside.seal, `${tools}/sealed`]),
    ...(browserPolicy === undefined ? [] : ['--ro-bind', browserPolicy, `${policies.at(-1)}/corral.json`]),
    ...['--bind', workspace, '/workspace', '--chdir', '/workspace'],
    ...['--remount-ro', '/', '--'],
    ...become(found),
    ...limited(found, limits),
    ...['/bin/bash', `${tools}/init.sh`, `${tools}/bin/node`, `${tools}/sandboxd.mjs`, inside.id],
  ];
}

/** A shell that sets the limits, and the usual mask instead of the server's, and becomes the program; its output would have nowhere bounded to go. */
function limited({ asRoot }: Bubblewrap, { pids }: SandboxLimits): string[] {
  // Counted per user: in a user namespace that is this sandbox, without one it would be all of them together.
  const processes = asRoot ? '' : `ulimit -u ${pids};`;
  return ['/bin/sh', '-c', `umask 022; ulimit -c 0; ulimit -n 4096; ${processes} exec "$@" >/dev/null 2>&1`, 'sh'];
}

export const insideEnvironment = {
  PATH: `${tools}/bin:/usr/local/bin:/usr/bin:/bin`,
  HOME: home,
  USER: 'agent',
  CORRAL_WORKSPACE: '/workspace',
  CORRAL_RUN_DIR: '/run/corral',
} as const;

export const accountFiles = {
  passwd: `root:x:0:0:root:/root:/bin/bash\nagent:x:${user}:${user}::${home}:/bin/bash\n`,
  group: `root:x:0:\nagent:x:${user}:\n`,
} as const;
