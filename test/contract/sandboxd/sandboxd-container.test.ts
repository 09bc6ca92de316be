// @module-tag all
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { nightly } from '../../support/runner/tags.ts';
import { hasDocker } from '../../support/sandboxes/docker.ts';
import { buildImage, sandboxContainer } from '../../support/sandboxes/sandbox-container.ts';
import { budget, run, sandboxdContract } from './sandboxd.ts';
import { realSandboxdContract } from './sandboxd-real.ts';
import { realTerminalContract } from './sandboxd-terminals.ts';
import { realWriteContract } from './sandboxd-writes.ts';

const docker = await hasDocker();

describe.skipIf(!docker)(docker ? 'in a container' : 'in a container: skipped, Docker does not answer', () => {
  beforeAll(buildImage);
  const opened = async (...more: string[]) => {
    const container = await sandboxContainer(more);
    onTestFinished(() => container[Symbol.asyncDispose]());
    return container;
  };
  // The same daemon passes these tests on this machine in every run.
  describe('in a nightly run', nightly, () => {
    sandboxdContract('over its control connection', () => sandboxContainer());
    realSandboxdContract('over its control connection', () => sandboxContainer());
    realTerminalContract('over its control connection', () => sandboxContainer());
    realWriteContract('over its control connection', () => sandboxContainer());
  });

  test('F037 500 orphaned zombies are reaped by pid 1', async () => {
    const { client } = await opened();
    const orphans = 'for i in $(seq 100); do (for j in 1 2 3 4 5; do sleep 0.05 & done); done; wait';
    await client.exec({ command: orphans }, budget());
    const zombies = async () =>
      (await client.exec({ command: "cat /proc/[0-9]*/stat 2>/dev/null | grep -c ') Z '" }, budget())).stdout;
    await expect.poll(zombies).toBe('0\n');
  });

  test('F039 a process without its environment and its parents still ends with its run', async () => {
    const { client } = await opened();
    const commands = async () => (await client.processes(budget())).map(({ cmd }) => cmd);
    await run(client, '(env -i setsid sleep 91 </dev/null >/dev/null 2>&1 &) & wait; echo ok', { tag: 'run' });
    await client.exec({ command: 'setsid sleep 92 >/dev/null 2>&1 &', tag: 'other' }, budget());
    await client.killTagged('run', budget());
    await expect.poll(commands).toEqual(['sleep 92']);
  });

  test('F039 a stop leaves the programs of other runs alone, even while one is between two programs', async () => {
    const { client } = await opened();
    const runs = Array.from({ length: 40 }, (_, n) => `run-${n}`);
    for (const tag of runs) await client.exec({ command: 'true', tag }, budget());
    const again = `printf '#!/bin/sh\nexec "$0"\n' > again; chmod +x again; (setsid ./again >/dev/null 2>&1 &)`;
    await client.exec({ command: again, tag: 'other' }, budget());
    const programs = async () => (await client.processes(budget())).length;
    await expect.poll(programs).toBe(1);
    for (const tag of runs) await client.killTagged(tag, budget());
    expect(await programs()).toBe(1);
  });

  test('F039 a stop reaches a program without its environment and its parents even while it is between two programs', async () => {
    const { client } = await opened();
    const again = `printf '#!/bin/sh\nexec "$0"\n' > again; chmod +x again; (env -i setsid "$PWD/again" >/dev/null 2>&1 &)`;
    const left: number[] = [];
    for (let n = 0; n < 20; n++) {
      await client.exec({ command: again, tag: `run-${n}` }, budget());
      await client.killTagged(`run-${n}`, budget());
      left.push((await client.processes(budget())).length);
    }
    expect(left).toEqual(left.map(() => 0));
  });

  test('whatever scrubbed its environment and its parents ends with its process, its shell and its call too', async () => {
    const { client } = await opened();
    const hiding = (n: number) => `(env -i setsid sleep ${n} </dev/null >/dev/null 2>&1 &) & wait; sleep 600`;
    const sleeping = async () =>
      (await client.processes(budget())).flatMap(({ cmd }) => (/^sleep 9/.test(cmd) ? [cmd] : []));
    await client.start({ id: 'a', shell: 'a', command: hiding(91) }, budget());
    await expect.poll(sleeping).toEqual(['sleep 91']);
    await client.kill('a', budget());
    expect(await sleeping()).toEqual([]);
    await client.start({ id: 'b', shell: 'b', command: hiding(92) }, budget());
    await expect.poll(sleeping).toEqual(['sleep 92']);
    const [root] = (await client.processes(budget())).filter(({ cmd }) => cmd.startsWith('bash -c'));
    await client.signalProcess(root?.pid ?? 0, 'SIGTERM', budget());
    expect(await sleeping()).toEqual([]);
    await client.exec({ command: hiding(93), timeoutMs: 1_000 }, budget());
    await expect.poll(sleeping).toEqual([]);
  });

  test('F019 a command that the kernel killed for memory says so; the daemon, its shells and its neighbours live on', async () => {
    const { client } = await opened('--memory', '256m', '--memory-swap', '256m');
    const { client: neighbour } = await opened();
    const { bootId } = await client.health(budget());
    await client.start({ id: 'beside', shell: 'beside', command: 'echo begun; sleep 600' }, budget());
    await neighbour.start({ id: 'next', shell: 'main', command: 'sleep 600' }, budget());
    const { operation } = await run(client, 'tail /dev/zero');
    expect(operation).toMatchObject({ exitCode: 137, reason: 'oom' });
    const health = await client.health(budget());
    expect(health).toMatchObject({ bootId, oomKills: expect.any(Number) });
    expect(health.oomKills).toBeGreaterThan(0);
    expect(await client.operation('beside', budget())).toMatchObject({ state: 'running' });
    expect(await neighbour.operation('next', budget())).toMatchObject({ state: 'running' });
    expect((await neighbour.health(budget())).oomKills).toBe(0);
    expect((await run(client, 'echo alive')).output).toBe('alive\n');
  });

  test('F036 a fork bomb is held by the limit, and its run can be ended', async () => {
    const { client } = await opened('--pids-limit', '128');
    await client.start({ id: 'bomb', shell: 'main', command: 'f() { f | f & }; f; sleep 600', tag: 'run' }, budget());
    await expect.poll(async () => (await client.processes(budget())).length).toBeGreaterThan(50);
    await client.killTagged('run', budget());
    expect(await client.processes(budget())).toEqual([]);
    expect((await run(client, 'echo alive', { shell: 'after' })).output).toBe('alive\n');
  });

  const fillTable = 'mkdir many; for n in $(seq 2000); do : > many/$n || exit 1; done';
  test.each([
    ['F021', 'disk', 'size=8m', 'head -c 20M /dev/zero > big', 'rm big'],
    ['F022', 'table of files', 'size=64m,nr_inodes=1000', fillTable, 'rm -r many'],
  ])(
    '%s a full %s ends in words, the daemon works on, and removing something helps',
    async (_row, _what, size, fill, empty) => {
      const { client } = await opened('--tmpfs', `/workspace:uid=10001,gid=10001,${size}`);
      const { output, operation } = await run(client, `(${fill}); echo "code $?"`);
      expect(output).toMatch(/No space left on device\ncode 1\n$/);
      expect(operation).toMatchObject({ exitCode: 0 });
      await expect(client.writeFile('x', 'y'.repeat(9_000), budget())).rejects.toMatchObject({ code: 'quota' });
      expect((await run(client, 'echo still here', { shell: 'another' })).output).toBe('still here\n');
      expect(await client.listFiles('', budget())).not.toEqual([]);
      await run(client, `${empty}`);
      await client.writeFile('x', 'y'.repeat(9_000), budget());
      expect((await client.readFile('x', budget())).length).toBe(9_000);
    },
  );

  test('the image has the tools that it promises, and the daemon is small', { tags: ['nightly'] }, async () => {
    const { client } = await opened();
    const tools =
      'for it in bash git python python3 pip pip3 node npm rg curl ps; do command -v $it; done | wc -l; id -u; node -v';
    expect((await client.exec({ command: tools }, budget())).stdout).toMatch(/^11\n10001\nv24/);
    expect(
      (await client.exec({ command: 'python3 -m venv /tmp/v && /tmp/v/bin/pip --version' }, budget())).exitCode,
    ).toBe(0);
    const { stdout } = await client.exec({ command: 'env; cat /proc/self/environ' }, budget());
    expect(stdout).not.toContain('container-token');
  });
});
