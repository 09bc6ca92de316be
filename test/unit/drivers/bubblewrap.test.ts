import { expect, test } from 'vitest';
import {
  type Bubblewrap,
  type BubblewrapOptions,
  createAccountFiles,
  createBubblewrapArguments,
  sharedUserId,
} from '../../../drivers/process/bubblewrap.ts';

const inside: BubblewrapOptions = {
  mount: '/data/s/x/mount',
  workspace: '/data/s/x/workspace',
  accounts: '/data/s/x',
  node: '/opt/node',
  init: '/app/init.sh',
  daemon: '/app/sandboxd.mjs',
  seal: '/data/s/sealed',
  screen: undefined,
  id: 'sbx-0123456789abcdef',
  limits: { memoryBytes: 2 ** 30, cpus: 1, pids: 512, diskBytes: 2 ** 30 },
  user: 1_500_007,
  grouped: ['memoryBytes', 'pids', 'cpus'],
  groups: [['/sys/fs/cgroup/memory/corral/i/x', '/sys/fs/cgroup/memory']],
  infoFd: 3,
  seccompFd: 4,
};
const machine = { path: 'bwrap', system: ['--ro-bind', '/usr', '/usr'], masked: ['/proc/keys'], hasSudo: true };
const user: Bubblewrap = { ...machine, asRoot: false, seccomp: Buffer.from('filter'), disablesNesting: true };
const root: Bubblewrap = { ...machine, asRoot: true, seccomp: Buffer.from('filter'), disablesNesting: false };
const asUser = createBubblewrapArguments(user, inside);
const asRoot = createBubblewrapArguments(root, inside);

const binds = (args: readonly string[]) =>
  args.flatMap((arg, at) => (/^--(ro-|dev-)?bind/.test(arg) ? [args.slice(at, at + 3)] : []));

const both = [
  ['a user', asUser, user],
  ['root', asRoot, root],
] as const;
test.each(both)('started by %s, it has name spaces of its own for everything', (_who, args) => {
  for (const what of ['ipc', 'pid', 'net', 'uts', 'cgroup-try']) expect(args).toContain(`--unshare-${what}`);
  expect(args).not.toContain('--share-net');
  expect(args.join(' ')).toContain('--cap-drop ALL');
});

test.each(both)('started by %s, only the workspace can be written, at both of its places', (_who, args) => {
  expect(binds(args).filter(([option]) => option !== '--ro-bind')).toEqual([
    ['--bind', inside.workspace, '/home/user'],
    ['--bind', inside.workspace, '/workspace'],
  ]);
  expect(binds(args)).toContainEqual(['--ro-bind', inside.mount, '/run/corral']);
  expect(args.join(' ')).toContain('--remount-ro / --');
});

test("the sandbox's own sudo is on its path, and takes the place of the machine's", () => {
  const places = (hasSudo: boolean) =>
    binds(createBubblewrapArguments({ ...user, hasSudo }, inside)).flatMap(([, source, target]) =>
      source === '/data/s/x/sudo' ? [target] : [],
    );
  expect([places(true), places(false)]).toEqual([['/opt/corral/bin/sudo', '/usr/bin/sudo'], ['/opt/corral/bin/sudo']]);
});

test("the sandbox's user is called user, and its home is the workspace", () =>
  expect(createAccountFiles(1_500_007)).toMatchObject({
    passwd: expect.stringMatching(/^user:x:1500007:1500007::\/home\/user:\/bin\/bash$/m),
    group: expect.stringMatching(/^user:x:1500007:$/m),
  }));

test('a sandbox outlives the server that started it, so the server can restart', () =>
  expect([...asUser, ...asRoot]).not.toContain('--die-with-parent'));

test('root becomes the sandbox’s user before anything of the sandbox runs', () => {
  const command = asRoot.slice(asRoot.indexOf('--remount-ro') + 3);
  expect(command.slice(0, 5)).toEqual(['/usr/bin/setpriv', '--reuid', '1500007', '--regid', '1500007']);
  expect(command).toContain('--clear-groups');
  expect(command).toContain('--bounding-set=-all');
  expect(asUser.join(' ')).toContain('--unshare-user --disable-userns --uid 10001 --gid 10001');
});

test.each(both)('started by %s, it sets no limits of processes where control groups hold them', (_who, args) =>
  expect(args.join(' ')).not.toContain('ulimit'),
);

test.each([
  ['memory', ['pids', 'cpus'], '-c ulimit -d 2097152 || exit 70; exec'],
  ['processes', ['memoryBytes'], '-c ulimit -u 512 || exit 70; exec'],
  ['anything', [], '-c ulimit -u 512 || exit 70; ulimit -d 2097152 || exit 70; exec'],
] as const)('without a control group for %s, bubblewrap sets limits of processes instead', (_what, grouped, limits) => {
  for (const found of [user, root])
    expect(createBubblewrapArguments(found, { ...inside, grouped }).join(' ')).toContain(limits);
});

test('pid 1 starts in the unreadable loader where there is one', () => {
  const tail = ['/bin/sh', '/opt/corral/init.sh', '/opt/corral/bin/node', '/opt/corral/sandboxd.mjs', inside.id];
  const expected = ['/opt/corral/sealed', ...tail];
  expect(createBubblewrapArguments(user, { ...inside, seal: '/data/sealed' }).slice(-6)).toEqual(expected);
  expect(createBubblewrapArguments(user, { ...inside, seal: undefined }).slice(-6)).toEqual(['--', ...tail]);
});

test('processes are not counted by user where all sandboxes are one, or one could use up the number for all', () => {
  const args = createBubblewrapArguments(root, { ...inside, grouped: [], user: sharedUserId });
  expect(args.join(' ')).not.toContain('ulimit -u');
});

test('the system call filter is read from its own file, and left out where bubblewrap takes none', () => {
  for (const found of [user, root]) {
    expect(createBubblewrapArguments(found, inside).join(' ')).toContain('--seccomp 4');
    expect(createBubblewrapArguments({ ...found, seccomp: undefined }, inside)).not.toContain('--seccomp');
  }
});

test('further user namespaces are refused by bubblewrap itself where it can', () => {
  expect(asUser).toContain('--disable-userns');
  expect(createBubblewrapArguments({ ...user, disablesNesting: false }, inside)).not.toContain('--disable-userns');
});

test("bubblewrap hides the kernel's keys, and the sandbox sees only its own counters", () => {
  for (const args of [asUser, asRoot]) {
    expect(args.join(' ')).toContain('--ro-bind /dev/null /proc/keys');
    expect(args.join(' ')).toContain('--ro-bind /sys/fs/cgroup/memory/corral/i/x /sys/fs/cgroup/memory');
    expect(args.indexOf('/proc/keys')).toBeGreaterThan(args.indexOf('--proc'));
  }
});

test('the token is not among the arguments, which every user of the machine can read', () =>
  expect([...asUser, ...asRoot].join(' ')).not.toMatch(/token/i));

test('files in memory take at most two thirds of it, so that the daemon outlives whoever fills them', () => {
  for (const args of [asUser, asRoot]) {
    const sizes = args.flatMap((arg, at) => (arg === '--size' ? [Number(args[at + 1])] : []));
    const places = args.flatMap((arg, at) => (arg === '--tmpfs' ? [args[at + 1]] : []));
    expect(places).toEqual(['/dev/shm', '/tmp', '/home/agent', '/mnt', '/run']); // processes inside cannot write to /run
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual((2 / 3) * inside.limits.memoryBytes);
  }
});

test('only a sandbox with a desktop gets a folder for its display, which it may write', () => {
  expect(asRoot.join(' ')).not.toContain('/run/screen');
  const shown = createBubblewrapArguments(root, { ...inside, screen: '/data/s/x/screen' }).join(' ');
  expect(shown).toContain('--bind /data/s/x/screen /run/screen');
});
