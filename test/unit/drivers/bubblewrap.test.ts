import { expect, test } from 'vitest';
import { type Bubblewrap, bubblewrapArguments } from '../../../drivers/process/bubblewrap.ts';

const inside = {
  mount: '/data/s/x/mount',
  workspace: '/data/s/x/workspace',
  accounts: '/data/s/x',
  node: '/opt/node',
  init: '/app/init.sh',
  daemon: '/app/sandboxd.mjs',
  seal: '/data/s/sealed',
  id: 'sbx-0123456789abcdef',
  limits: { memoryBytes: 2 ** 30, cpus: 1, pids: 512, diskBytes: 2 ** 30 },
  infoFd: 3,
};
const system = ['--ro-bind', '/usr', '/usr'];
const asUser = bubblewrapArguments({ path: 'bwrap', asRoot: false, system } satisfies Bubblewrap, inside);
const asRoot = bubblewrapArguments({ path: 'bwrap', asRoot: true, system }, inside);

/** What is bound, as [option, source, target]. */
const binds = (args: readonly string[]) =>
  args.flatMap((arg, at) => (/^--(ro-|dev-)?bind/.test(arg) ? [args.slice(at, at + 3)] : []));

test.each([
  ['a user', asUser],
  ['root', asRoot],
])('started by %s, it has name spaces of its own for everything', (_who, args) => {
  for (const what of ['ipc', 'pid', 'net', 'uts', 'cgroup-try']) expect(args).toContain(`--unshare-${what}`);
  expect(args).not.toContain('--share-net');
  expect(args.join(' ')).toContain('--cap-drop ALL');
});

test.each([
  ['a user', asUser],
  ['root', asRoot],
])('started by %s, only the workspace can be written', (_who, args) => {
  expect(binds(args).filter(([option]) => option !== '--ro-bind')).toEqual([
    ['--bind', inside.workspace, '/workspace'],
  ]);
  expect(binds(args)).toContainEqual(['--ro-bind', inside.mount, '/run/corral']);
  expect(args.join(' ')).toContain('--remount-ro / --');
});

test('it outlives the server that started it, which may be restarted', () => {
  expect([...asUser, ...asRoot]).not.toContain('--die-with-parent');
});

test('root becomes the sandbox’s user before anything of the sandbox runs', () => {
  const command = asRoot.slice(asRoot.indexOf('--remount-ro') + 3);
  expect(command.slice(0, 6)).toEqual(['/usr/bin/setpriv', '--reuid', '10001', '--regid', '10001', '--clear-groups']);
  expect(command).toContain('--bounding-set=-all');
  expect(asUser.join(' ')).toContain('--unshare-user --disable-userns --uid 10001 --gid 10001');
});

test('it has limits for open files, dumps and, where they are counted apart, processes', () => {
  expect(asUser.join(' ')).toContain('ulimit -c 0; ulimit -n 4096; ulimit -u 512;');
  expect(asRoot.join(' ')).not.toContain('ulimit -u');
});

test('the token is not among the arguments, which every user of the machine can read', () => {
  expect([...asUser, ...asRoot].join(' ')).not.toMatch(/token/i);
});
