// @module-tag all
// Hostile programs in real bubblewrap sandboxes: the attempts that fail, and the processes that remain.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { getPriority } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Driver, SandboxSpec } from '../../../drivers/driver.ts';
import { createCgroups } from '../../../drivers/process/cgroup/cgroups.ts';
import { createKernelCgroupFiles } from '../../../drivers/process/cgroup/files.ts';
import { openCgroups } from '../../../drivers/process/cgroup/open.ts';
import { createProcessDriver, type ProcessDriverOptions } from '../../../drivers/process/process.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { budget, sh, testSpec } from '../../support/conformance/harness.ts';
import { hostileCalls, refusedCalls } from '../../support/hostile/hostile-calls.ts';
import { forks, inotifyHog, memoryHog, oneInotify, reservation } from '../../support/hostile/hostile-programs.ts';
import { hasBubblewrap, type ProcessHarness, processHarness } from '../../support/servers/process.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';
import { run } from '../sandboxd/sandboxd.ts';

const bubblewrap = await hasBubblewrap();
const isRoot = process.getuid?.() === 0;
const { limits: grouped } = await openCgroups('/nowhere');
const hasGroups = grouped.length === 3;
const small = { memoryBytes: 256 * 2 ** 20, cpus: 1, pids: 128, diskBytes: 2 ** 30 };
const noGroups = createCgroups({ places: [], files: createKernelCgroupFiles(async () => false), installation: 'none' });

async function opened(over: Partial<ProcessDriverOptions> = {}) {
  const harness = await processHarness('bwrap');
  const driver = await createProcessDriver(harness.options(over));
  onTestFinished(async () => {
    for (const { id } of await driver.list(budget())) await driver.destroy(id, 'remove', budget());
    await driver[Symbol.asyncDispose]();
    await harness[Symbol.asyncDispose]();
  });
  return { harness, driver };
}

async function openedWith(over: Partial<ProcessDriverOptions> = {}, spec: Partial<SandboxSpec> = {}) {
  const opening = await opened(over);
  return { ...opening, ...(await started(opening.driver, opening.harness, spec)) };
}

async function started(driver: Driver, harness: ProcessHarness, over: Partial<SandboxSpec> = {}) {
  const sandboxSpec = testSpec(harness.image, { limits: small, ...over });
  await driver.provision(sandboxSpec, budget());
  const link = await driver.attach(sandboxSpec.id, budget());
  onTestFinished(() => link[Symbol.asyncDispose]());
  return { id: sandboxSpec.id, sandboxSpec, link, client: createSandboxClient(link) };
}

/** The shares of the processors that these groups have; of the hierarchies, one has them. */
async function sharesOf(groups: readonly string[]): Promise<string> {
  const files = groups.flatMap((group) => ['cpu.shares', 'cpu.weight'].map((file) => join(group, file)));
  return (await Promise.all(files.map((path) => readFile(path, 'utf8').catch(() => '')))).join('');
}

const namesOf = ({ capabilities }: Driver) => capabilities.weaknesses?.map(({ name }) => name);

describe.skipIf(!bubblewrap)('limits of a hostile program in bubblewrap', () => {
  describe.skipIf(!hasGroups)(hasGroups ? 'with control groups' : 'with control groups: skipped, none here', () => {
    test('all limits but that of the disk are promised, and where the server is root there is no weakness', async () => {
      const { driver } = await opened();
      expect([...driver.capabilities.limits].sort()).toEqual(['cpus', 'memoryBytes', 'pids']);
      if (isRoot) expect(namesOf(driver)).toEqual([]);
    });

    test('all sandboxes together weigh as one program of the machine, by their common group alone', async () => {
      const { harness, link } = await openedWith();
      expect(await sharesOf((await harness.groups()).map((group) => dirname(group)))).toMatch(/^(1024|100)\n$/);
      expect(await sh(link, 'nice')).toBe(`${getPriority()}\n`);
    });

    test('a stop puts its sandbox before the others on busy processors, for a second', async () => {
      const { harness, client } = await openedWith();
      const shares = async () => await sharesOf(await harness.groups());
      expect(await shares()).toMatch(/^(1024|100)\n$/);
      const seen = new Set<string>();
      let isOver = false;
      const watching = (async () => {
        while (!isOver) seen.add(await shares());
      })();
      await client.killTagged('a-run', AbortSignal.timeout(60_000));
      await expect.poll(() => [...seen].join('')).toMatch(/(102400|10000)\n$/);
      isOver = true;
      await watching;
      await expect.poll(shares).toMatch(/^(1024|100)\n$/);
    });

    test('F036 1,500 forks end at the limit of processes, which the sandbox survives', async () => {
      const { link } = await openedWith();
      const [count, why] = (await sh(link, forks(1_500))).trim().split(' ');
      expect(why).toBe('EAGAIN');
      expect(Number(count)).toBeGreaterThan(64);
      expect(Number(count)).toBeLessThan(small.pids);
      expect(await sh(link, 'echo alive')).toBe('alive\n');
    });

    test('F036 a fork bomb stays below the limit of processes and is gone after destroy', async () => {
      const { driver, harness, id, client } = await openedWith();
      await client.start({ id: 'bomb', shell: 'main', command: 'f() { f | f & }; f; sleep 600' }, budget().signal);
      const [pids = ''] = (await harness.groups()).filter((path) => path.includes('pids') || path.includes('unified'));
      const inside = async () => Number(await readFile(join(pids, 'pids.current'), 'utf8'));
      await expect.poll(inside).toBeGreaterThan(50);
      expect(await inside()).toBeLessThanOrEqual(small.pids);
      await driver.destroy(id, 'remove', budget());
      expect([await harness.remains(id), await harness.groups()]).toEqual([[], []]);
    });

    test('F019 a command that takes more memory than there is is killed, which it says; its neighbours live on', async () => {
      const { driver, harness, client, link } = await openedWith();
      const neighbour = await started(driver, harness);
      const { bootId } = await client.health(budget().signal);
      const { operation } = await run(client, 'exec tail /dev/zero');
      expect(operation).toMatchObject({ exitCode: 137, reason: 'oom' });
      expect(await client.health(budget().signal)).toMatchObject({ bootId });
      expect([link.lost.aborted, await sh(link, 'echo alive')]).toEqual([false, 'alive\n']);
      expect((await neighbour.client.health(budget().signal)).oomKills).toBe(0);
    });

    test('F019 memory is counted over all processes: many get no more together than one alone', async () => {
      const { link } = await openedWith({}, { limits: { ...small, memoryBytes: 2 ** 29 } });
      expect(await sh(link, memoryHog(160))).toBe('all\n');
      expect(await sh(link, memoryHog(160, 4))).toContain('killed');
    });

    test('files in memory count as memory, and one that fills all of them cannot end its daemon', async () => {
      const { link, client } = await openedWith({}, { limits: { ...small, memoryBytes: 2 ** 29 } });
      const { bootId } = await client.health(budget().signal);
      const places = '/tmp /var/tmp /dev/shm ~';
      await sh(link, `for place in ${places}; do head -c 1G /dev/zero > $place/fill; done 2>/dev/null`);
      const usage = '/sys/fs/cgroup/memory/memory.usage_in_bytes /sys/fs/cgroup/memory.current';
      expect(Number(await sh(link, `cat ${usage} 2>/dev/null`))).toBeGreaterThan(2 ** 28);
      expect(await client.health(budget().signal)).toMatchObject({ bootId });
    });

    test('a sandbox whose first process was killed for memory is lost for that reason', async () => {
      const { harness, link, id, client } = await openedWith();
      await run(client, 'exec tail /dev/zero');
      await harness.killBehindItsBack(id);
      await expect.poll(() => link.lost.aborted).toBe(true);
      const expected = { code: 'sandbox_lost', publicMessage: expect.stringContaining('memory') };
      expect(link.lost.reason).toMatchObject(expected);
    });

    test.each(['ended', 'run'])(
      'F038 no control group is left of sandboxes that %s when their server is killed -9',
      async (state) => {
        const harness = await processHarness('bwrap');
        onTestFinished(() => harness[Symbol.asyncDispose]());
        const sandboxSpec = testSpec(harness.image);
        const server = await otherServer(harness.root, sandboxSpec);
        await server.kill();
        if (state === 'ended') await harness.killBehindItsBack(sandboxSpec.id);
        await using next = await harness.connect();
        expect(await next.list(budget())).toMatchObject([{ phase: state === 'ended' ? 'exited' : 'ready' }]);
        expect((await harness.groups()).length > 0).toBe(state === 'run'); // a successor adopts what runs with its groups
        await next.destroy(sandboxSpec.id, 'remove', budget());
        expect(await harness.groups()).toEqual([]);
      },
    );
  });

  describe.skipIf(!isRoot)('under a server that is root', () => {
    test('a sandbox that takes every inotify instance takes none from other sandboxes', async () => {
      const { driver, harness, ...hog } = await openedWith();
      const other = await started(driver, harness);
      await hog.client.start({ id: 'hog', shell: 'main', command: inotifyHog }, budget().signal);
      await expect.poll(async () => (await hog.client.operation('hog', budget().signal))?.bytes).toBeGreaterThan(0);
      expect(await sh(hog.link, oneInotify)).toBe('refused\n'); // its own limit is reached
      expect(await sh(other.link, oneInotify)).toBe('allowed\n');
    });

    test('each sandbox has its own user: its files keep it over restarts, and destroy frees it', async () => {
      const { driver, harness, ...one } = await openedWith();
      const other = await started(driver, harness);
      const users = [await sh(one.link, 'id -u; touch mine'), await sh(other.link, 'id -u')];
      expect([new Set(users).size, await sh(one.link, 'id -un')]).toEqual([2, 'user\n']);
      await driver.destroy(one.id, 'keep', budget());
      await using next = await harness.connect();
      await next.provision({ ...one.sandboxSpec, epoch: 2 }, budget());
      await using again = await next.attach(one.id, budget());
      expect(await sh(again, 'id -u')).toBe(users[0]);
      expect(await sh(again, 'echo more >> mine && cat mine')).toBe('more\n');
      for (const { id } of [one, other]) await next.destroy(id, 'remove', budget());
      expect(await readdir(join(harness.root, 'users'))).toEqual([]);
    });

    test('files from before sandboxes had users of their own belong to the new one, links as they are', async () => {
      const { driver, harness } = await opened();
      const outside = folderOfTest();
      const sandboxSpec = testSpec(harness.image);
      const workspace = join(harness.root, sandboxSpec.id, 'workspace');
      await mkdir(join(workspace, 'folder'), { recursive: true });
      await writeFile(join(workspace, 'folder/old'), 'old\n');
      await promisify(execFile)('ln', ['-s', outside, join(workspace, 'link')]);
      await promisify(execFile)('chown', ['-hR', '10001:10001', workspace]);
      await driver.provision(sandboxSpec, budget());
      await using link = await driver.attach(sandboxSpec.id, budget());
      expect(await sh(link, 'echo new >> folder/old && cat folder/old')).toBe('old\nnew\n');
      expect((await stat(outside)).uid).toBe(0);
    });

    test('a sandbox beyond the range is refused with what to do, until another one is removed', async () => {
      const { driver, harness, id } = await openedWith({ users: { first: 1_900_000, last: 1_900_000 } });
      const second = testSpec(harness.image);
      const expected = { code: 'sandbox_capacity', publicMessage: expect.stringContaining('CORRAL_PROCESS_USERS') };
      await expect(driver.provision(second, budget())).rejects.toMatchObject(expected);
      await driver.destroy(id, 'remove', budget());
      expect(await driver.provision(second, budget())).toMatchObject({ phase: 'ready' });
    });
  });
});

describe.skipIf(!bubblewrap)('on a machine with missing features', () => {
  test('a driver without control groups uses limits of processes and reports what stays unlimited', async () => {
    const { driver, link } = await openedWith({ cgroups: noGroups });
    expect(driver.capabilities.limits).toEqual(['pids']);
    expect(namesOf(driver)).toEqual(expect.arrayContaining(['memory-not-limited', 'processors-not-limited']));
    // on a busy machine the server has priority on the processors
    expect(await sh(link, 'nice')).toBe(`${Math.min(getPriority() + 10, 19)}\n`);
    const [count, why] = (await sh(link, forks(1_500))).trim().split(' ');
    expect(why).toBe('EAGAIN');
    expect(Number(count)).toBeLessThan(small.pids);
    expect(await sh(link, reservation(1_000))).toBe('allowed\n');
    // 256 MiB, plus the 1 GiB of address space that Node needs to start.
    expect([await sh(link, reservation(1_500)), await sh(link, 'echo alive')]).toEqual(['refused\n', 'alive\n']);
  });

  test('a driver without a system call filter reports it and still starts sandboxes', async () => {
    const folder = folderOfTest();
    const old = join(folder, 'bwrap');
    const refuses = 'case " $* " in *" --seccomp "*) echo "bwrap: Unknown option --seccomp" >&2; exit 1;; esac';
    await writeFile(old, `#!/bin/sh\n${refuses}\nexec bwrap "$@"\n`);
    await chmod(old, 0o755);
    const { driver, link } = await openedWith({ bubblewrap: old });
    expect(namesOf(driver)).toContain('system-calls-not-filtered');
    if (isRoot) expect(namesOf(driver)).toContain('user-namespaces-nest');
    expect(await sh(link, 'grep Seccomp: /proc/self/status')).toMatch(/0\n$/);
  });

  test.skipIf(!isRoot)('a server that is not root reports its weaknesses; process limit and filter work', async () => {
    const harness = await processHarness('bwrap');
    onTestFinished(() => harness[Symbol.asyncDispose]());
    const sandboxSpec = testSpec(harness.image, { limits: small });
    await promisify(execFile)('chown', ['1900999:1900999', harness.root]);
    const server = await otherServer(harness.root, sandboxSpec, 1_900_999);
    await server.kill();
    expect(server.capabilities).toMatchObject({
      isolation: 'namespaces',
      limits: ['pids'],
      weaknesses: ['memory-not-limited', 'processors-not-limited', 'one-user-for-all'].map((name) => ({ name })),
    });
    await using driver = await harness.connect();
    onTestFinished(async () => {
      await using sweeper = await harness.connect();
      await sweeper.destroy(sandboxSpec.id, 'remove', budget());
    });
    await using link = await driver.attach(sandboxSpec.id, budget());
    expect(await sh(link, 'id -u')).toBe('10001\n');
    const [count, why] = (await sh(link, forks(1_500))).trim().split(' ');
    expect(why).toBe('EAGAIN');
    expect(Number(count)).toBeLessThan(small.pids);
    const reported = await sh(link, `cat > /tmp/calls.py <<'END'\n${hostileCalls}\nEND\npython3 /tmp/calls.py`);
    expect(JSON.parse(reported)).toMatchObject(refusedCalls);
  });
});

/** Starts another server with a sandbox; the test kills it. */
async function otherServer(root: string, sandboxSpec: SandboxSpec, user?: number) {
  const script = join(import.meta.dirname, '../../support/cluster/provisioning-program.ts');
  const command = [process.execPath, script, root, 'bwrap', JSON.stringify(sandboxSpec)];
  const as = user === undefined ? [] : ['setpriv', '--reuid', `${user}`, '--regid', `${user}`, '--clear-groups', '--'];
  const [program = '', ...args] = [...as, ...command];
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const kill = async () => {
    if (server.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGKILL');
    await once(server, 'exit');
  };
  onTestFinished(kill);
  const [text] = await Promise.race([once(server.stdout, 'data'), once(server, 'exit').then(() => ['null'])]);
  return { kill, capabilities: JSON.parse(String(text)) };
}
