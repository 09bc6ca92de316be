import { expect, test } from 'vitest';
import { findCgroupParents, parseHierarchies } from '../../../../drivers/process/cgroup/cgroup-parents.ts';
import { createCgroups } from '../../../../drivers/process/cgroup/cgroups.ts';
import { fakeCgroups } from '../../../support/sandboxes/fake-cgroups.ts';

const all = ['memory', 'pids', 'cpu'];
const expected = { memoryBytes: 2 ** 30, cpus: 1.5, pids: 512 };
const own = [100, 200];
const v2 = { version: 2, controllers: [], mount: '/cg' } as const;
const soon = () => AbortSignal.timeout(60_000);
type Rules = Partial<Parameters<typeof fakeCgroups>[1]>;

async function opened(
  fake: ReturnType<typeof fakeCgroups>,
  hierarchy: Parameters<typeof findCgroupParents>[0]['hierarchies'],
) {
  const places = await findCgroupParents({ files: fake.port, hierarchies: hierarchy, own });
  return { fake, places, groups: createCgroups({ places, files: fake.port, installation: 'here' }) };
}
/** A server at the top of a hierarchy of version 2. */
const openedV2 = (rules: Rules = {}) =>
  opened(fakeCgroups('/cg', { version: 2, controllers: all, ...rules }), [{ ...v2, own: '/cg' }]);
/** A server at the top of a hierarchy of version 1 with these controllers. */
const openedV1 = (mount: string, controllers: string[], rules: Rules = {}) =>
  opened(fakeCgroups(mount, { version: 1, controllers, ...rules }), [{ version: 1, controllers, mount, own: mount }]);
/** A user's group with these processes, below groups that pass these controllers on. */
function scope(mine: string, procs: number[], ...passed: string[]) {
  const fake = fakeCgroups('/cg', { version: 2, controllers: all, mayWrite: (path) => path.startsWith(mine) });
  fake.put('/cg/user.slice');
  fake.put(mine, ...procs);
  for (const path of ['/cg', '/cg/user.slice']) fake.pass(path, ...passed);
  return fake;
}

test('the hierarchies are read from the kernel, of both versions, mounted together or in part', () => {
  const mountinfo = [
    '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
    '32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct',
    '35 31 0:32 /docker/abc /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
    '40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd',
    '41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw shared:9 - cgroup2 cgroup2 rw,nsdelegate',
  ].join('\n');
  const cgroup = '9:name=systemd:/\n4:memory:/docker/abc/in\n1:cpu,cpuacct:/me\n0::/user.slice/app\n';
  expect(parseHierarchies(mountinfo, cgroup)).toEqual([
    {
      version: 1,
      controllers: ['cpu', 'cpuacct'],
      mount: '/sys/fs/cgroup/cpu,cpuacct',
      own: '/sys/fs/cgroup/cpu,cpuacct/me',
    },
    { version: 1, controllers: ['memory'], mount: '/sys/fs/cgroup/memory', own: '/sys/fs/cgroup/memory/in' },
    { version: 1, controllers: ['name=systemd'], mount: '/sys/fs/cgroup/systemd', own: '/sys/fs/cgroup/systemd' },
    { version: 2, controllers: [], mount: '/sys/fs/cgroup/uni fied', own: '/sys/fs/cgroup/uni fied/user.slice/app' },
  ]);
});

test('version 2 as root: a group at the top gets its controllers, and every limit is written', async () => {
  const fake = fakeCgroups('/cg', { version: 2, controllers: all });
  fake.put('/cg/system.slice/corral.service', 100);
  const { groups } = await opened(fake, [{ ...v2, own: '/cg/system.slice/corral.service' }]);
  expect([...groups.limits].sort()).toEqual(['cpus', 'memoryBytes', 'pids']);
  const group = await groups.make('sbx', expected);
  expect(group).toEqual({
    enter: ['/cg/corral/here.sbx/cgroup.procs'],
    shown: [['/cg/corral/here.sbx', '/sys/fs/cgroup']],
  });
  expect(fake.value('/cg/corral/here.sbx', 'memory.max')).toBe(`${2 ** 30}`);
  expect(fake.value('/cg/corral/here.sbx', 'memory.swap.max')).toBe('0');
  expect(fake.value('/cg/corral/here.sbx', 'pids.max')).toBe('512');
  expect(fake.value('/cg/corral/here.sbx', 'cpu.max')).toBe('150000 100000');
  expect(fake.procs('/cg/system.slice/corral.service')).toEqual([100]);
});

test('version 1: each controller has its own tree, and swap counts as memory where the kernel counts it', async () => {
  const { fake: memory, groups } = await openedV1('/m', ['memory']);
  expect(groups.limits).toEqual(['memoryBytes']);
  expect((await groups.make('sbx', expected)).shown).toEqual([['/m/corral/here.sbx', '/sys/fs/cgroup/memory']]);
  expect(memory.value('/m/corral/here.sbx', 'memory.limit_in_bytes')).toBe(`${2 ** 30}`);
  expect(memory.value('/m/corral/here.sbx', 'memory.memsw.limit_in_bytes')).toBe(`${2 ** 30}`);

  const less = await openedV1('/m', ['memory'], { without: ['memory.memsw.limit_in_bytes'] });
  expect(less.groups.limits).toEqual(['memoryBytes']);

  const { fake: cpu, ...two } = await openedV1('/c', ['cpu', 'cpuacct']);
  const both = await two.groups.make('sbx', { ...expected, cpus: 0.001 });
  expect(both.shown.map(([, path]) => path)).toEqual(['/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpuacct']);
  expect(cpu.value('/c/corral/here.sbx', 'cpu.cfs_quota_us')).toBe('1000');
});

test('a sandbox is put before the others and back, in both versions, and a group that has ended is no error', async () => {
  const { fake, groups } = await openedV2();
  await groups.make('sbx', expected);
  groups.share('sbx', 'first');
  expect(fake.value('/cg/corral/here.sbx', 'cpu.weight')).toBe('10000');
  groups.share('sbx', 'usual');
  expect(fake.value('/cg/corral/here.sbx', 'cpu.weight')).toBe('100'); // the default
  groups.share('gone', 'first');
  const { fake: cpu, ...first } = await openedV1('/c', ['cpu', 'cpuacct']);
  await first.groups.make('sbx', expected);
  first.groups.share('sbx', 'first');
  expect(cpu.value('/c/corral/here.sbx', 'cpu.shares')).toBe('102400');
  first.groups.share('sbx', 'usual');
  expect(cpu.value('/c/corral/here.sbx', 'cpu.shares')).toBe('1024'); // the default
});

test('version 2, delegated: the server moves into a child of its group, which then can pass controllers on', async () => {
  const mine = '/cg/user.slice/corral.scope';
  const fake = scope(mine, [100, 200], ...all);
  const { places, groups } = await opened(fake, [{ ...v2, own: mine }]);
  expect([places.map(({ folder }) => folder), groups.limits.length]).toEqual([[`${mine}/corral`], 3]);
  expect(fake.procs(`${mine}/corral-server`)).toEqual([100, 200]);
  // The next server in the same scope starts in that group, and must find the same place.
  expect((await opened(fake, [{ ...v2, own: `${mine}/corral-server` }])).places).toEqual(places);
});

test('processes of others are not moved, and without their move there are no limits', async () => {
  const mine = '/cg/user.slice/shell.scope';
  const fake = scope(mine, [100, 777], ...all);
  const { groups } = await opened(fake, [{ ...v2, own: mine }]);
  expect([groups.limits, fake.procs(mine)]).toEqual([[], [100, 777]]);
});

test('the driver promises only the limits whose controllers are delegated to it', async () => {
  const mine = '/cg/user.slice/corral.scope';
  expect((await opened(scope(mine, [], 'pids'), [{ ...v2, own: mine }])).groups.limits).toEqual(['pids']);
});

test('a server that cannot write or enter its groups gets none and leaves none behind', async () => {
  const [closed, shut] = [await openedV2({ mayWrite: () => false }), await openedV2({ mayEnter: () => false })];
  expect([closed.places, closed.fake.paths()]).toEqual([[], ['/']]);
  expect([shut.places, shut.fake.paths()]).toEqual([[], ['/', '/corral']]);
});

test.each([
  ['by the kernel at once', []],
  ['one after the other, where the kernel is older', ['cgroup.kill']],
])('the end of a sandbox kills all that is in its groups, %s, and removes them', async (_how, without) => {
  const { fake, groups } = await openedV2({ without });
  await groups.make('sbx', expected);
  await groups.make('other', expected);
  fake.put('/cg/corral/here.sbx', 31, 32, 33);
  fake.put('/cg/corral/here.other', 41);
  await groups.end(groups.foldersOf('sbx'), soon());
  expect([[...fake.killed].sort(), await groups.names()]).toEqual([[31, 32, 33], ['other']]);
});

test('the end touches no group that is not one of ours, whatever a record says', async () => {
  const fake = fakeCgroups('/cg', { version: 2, controllers: all });
  fake.put('/cg/system.slice/ssh.service', 22);
  const { groups } = await opened(fake, [{ ...v2, own: '/cg' }]);
  await groups.end(['/cg/system.slice/ssh.service', '/cg/corral'], soon());
  expect(fake.killed).toEqual([]);
  expect(fake.paths()).toContain('/system.slice/ssh.service');
});

test('an end that cannot be reached is abandoned with its signal', async () => {
  const { fake, groups } = await openedV2({ without: ['cgroup.kill'] });
  await groups.make('sbx', expected);
  fake.put('/cg/corral/here.sbx', 31);
  fake.port.kill = async () => {}; // as if they slept in the kernel
  await expect(groups.end(groups.foldersOf('sbx'), AbortSignal.timeout(50))).rejects.toMatchObject({
    code: 'deadline_exceeded',
  });
});

test('an installation neither lists nor ends the groups of another installation', async () => {
  const { fake, groups, places } = await openedV2();
  const other = createCgroups({ places, files: fake.port, installation: 'there' });
  await groups.make('sbx', expected);
  await other.make('sbx', expected);
  await groups.end(groups.foldersOf('sbx'), soon());
  expect([await groups.names(), await other.names()]).toEqual([[], ['sbx']]);
});

test('kills for memory are counted in the words of both versions', async () => {
  const { fake, groups } = await openedV2();
  await groups.make('sbx', expected);
  expect(await groups.oomKills(groups.foldersOf('sbx'))).toBe(0);
  fake.set('/cg/corral/here.sbx', 'memory.events', 'low 0\nhigh 0\nmax 31\noom 2\noom_kill 2\n');
  expect(await groups.oomKills(groups.foldersOf('sbx'))).toBe(2);
  const { fake: old, ...first } = await openedV1('/m', ['memory']);
  await first.groups.make('sbx', expected);
  old.set('/m/corral/here.sbx', 'memory.oom_control', 'oom_kill_disable 0\nunder_oom 0\noom_kill 3\n');
  expect(await first.groups.oomKills(first.groups.foldersOf('sbx'))).toBe(3);
});
