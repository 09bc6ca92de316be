// @module-tag all
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readProcessIdentity } from '../../../drivers/process/proc.ts';
import { createProcessDriver } from '../../../drivers/process/process.ts';
import { askDaemon, budget, sh, testSpec } from '../../support/conformance/harness.ts';
import { hasBubblewrap, type ProcessHarness, processHarness } from '../../support/servers/process.ts';
import { programs } from '../../support/servers/programs.ts';

const bubblewrap = await hasBubblewrap();
const kinds = [
  { kind: 'bubblewrap', program: 'bwrap' },
  { kind: 'no isolation', program: undefined },
].filter(({ program }) => program === undefined || bubblewrap);

describe.each(kinds)('process driver in trouble ($kind)', ({ program }) => {
  let harness: ProcessHarness;
  beforeEach(async () => {
    harness = await processHarness(program);
  });
  afterEach(async () => {
    {
      await using sweeper = await harness.connect();
      for (const { id } of await sweeper.list(budget())) await sweeper.destroy(id, 'remove', budget());
    }
    await harness[Symbol.asyncDispose]();
  });

  test('F038 the sandbox of a server that was killed -9 lives on, is adopted with its commands, and can be ended', async () => {
    const sandboxSpec = testSpec(harness.image);
    const script = join(import.meta.dirname, '../../support/cluster/provisioning-program.ts');
    const args = [script, harness.root, program ?? '', JSON.stringify(sandboxSpec)];
    const server = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(server.stdout, 'data');
    server.kill('SIGKILL');
    await once(server, 'exit');

    await using next = await harness.connect();
    expect(await next.list(budget())).toMatchObject([{ id: sandboxSpec.id, phase: 'ready' }]);
    expect(await next.provision(sandboxSpec, budget())).toMatchObject({ phase: 'ready' });
    await using link = await next.attach(sandboxSpec.id, budget());
    expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
    await next.destroy(sandboxSpec.id, 'remove', budget());
    expect([link.lost.aborted, await harness.remains(sandboxSpec.id)]).toEqual([true, []]);
  });

  test('F038 a process that has the number of a sandbox by chance is neither taken for it nor killed', async () => {
    const sandboxSpec = testSpec(harness.image);
    {
      await using driver = await harness.connect();
      await driver.provision(sandboxSpec, budget());
      await harness.killBehindItsBack(sandboxSpec.id);
    }
    // Started now: with the same pid, a process of the same clock tick could not be distinguished.
    const bystander = spawn('sleep', ['600'], { detached: true, stdio: 'ignore' });
    try {
      const path = join(harness.root, sandboxSpec.id, 'process.json');
      const record = JSON.parse(await readFile(path, 'utf8'));
      await writeFile(path, JSON.stringify({ ...record, pid: bystander.pid }));
      await using next = await harness.connect();
      expect(await next.list(budget())).toMatchObject([{ phase: 'exited' }]);
      await next.destroy(sandboxSpec.id, 'remove', budget());
      expect(await readProcessIdentity(bystander.pid ?? 0)).toBeDefined();
    } finally {
      bystander.kill('SIGKILL');
    }
  });

  test('a start that was cut before it was recorded is swept away by the next one', async () => {
    const sandboxSpec = testSpec(harness.image);
    await using driver = await harness.connect();
    await driver.provision(sandboxSpec, budget());
    await driver.destroy(sandboxSpec.id, 'keep', budget()); // a start creates the folder first
    const forgotten = spawn('sleep', ['600'], { env: { CORRAL_SANDBOX_ID: sandboxSpec.id }, stdio: 'ignore' });
    const ended = once(forgotten, 'exit');
    await driver.provision(sandboxSpec, budget());
    await ended;
  });

  test('F135 a folder whose record a killed server had removed already is listed, and removed by a destroy', async () => {
    const { id, sessionId } = testSpec(harness.image);
    await mkdir(join(harness.root, id, 'workspace'), { recursive: true });
    await using driver = await harness.connect();
    expect(await driver.list(budget())).toMatchObject([{ id, sessionId, phase: 'stopped' }]);
    await driver.destroy(id, 'remove', budget());
    expect([await driver.list(budget()), await harness.remains(id)]).toEqual([[], []]);
  });

  test('a newer owner’s sandbox is left alone, an older one’s is adopted', async () => {
    const sandboxSpec = testSpec(harness.image, { epoch: 5 });
    await using driver = await harness.connect();
    await driver.provision(sandboxSpec, budget());
    await expect(driver.provision({ ...sandboxSpec, epoch: 4 }, budget())).rejects.toMatchObject({ code: 'fenced' });
    expect(await driver.provision({ ...sandboxSpec, epoch: 6 }, budget())).toMatchObject({ epoch: 6, phase: 'ready' });
  });

  test('a daemon that cannot start ends the start at once, with the reason', async () => {
    const broken = { ...programs, init: '/bin/true', daemon: async () => '/bin/true' };
    await using driver = await harness.connect();
    await using other = await createProcessDriver(harness.options({ programs: broken }));
    const sandboxSpec = testSpec(harness.image);
    await expect(other.provision(sandboxSpec, budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
    expect([await driver.list(budget()), await harness.remains(sandboxSpec.id)]).toEqual([[], []]);
  });

  if (program === undefined) return;

  test('a sandbox whose files were removed behind its back ends when its daemon does', async () => {
    const sandboxSpec = testSpec(harness.image);
    await using driver = await harness.connect();
    await driver.provision(sandboxSpec, budget());
    await using link = await driver.attach(sandboxSpec.id, budget());
    // Once the folder is removed it has no name; only then the daemon dies.
    await sh(link, `setsid -f sh -c 'until [ "$(stat -c %h .)" = 0 ]; do sleep 0.05; done; kill -9 '$PPID`);
    await rm(join(harness.root, sandboxSpec.id, 'workspace'), { recursive: true });
    await expect.poll(() => driver.list(budget())).toMatchObject([{ phase: 'exited' }]);
  });

  test('two sandboxes see neither the files nor the processes of each other', async () => {
    await using driver = await harness.connect();
    const [a, b] = [testSpec(harness.image), testSpec(harness.image)];
    await Promise.all([a, b].map((spec) => driver.provision(spec, budget())));
    await using first = await driver.attach(a.id, budget());
    await using second = await driver.attach(b.id, budget());
    await sh(first, 'echo secret > /workspace/mine; echo secret > /tmp/mine; setsid -f sleep 54321');
    expect(await sh(second, 'ls /workspace/mine /tmp/mine 2>&1 | grep -c "No such"')).toBe('2\n');
    const sleepers = 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " " | grep -c "sleep 5432[1]"; true';
    expect(await sh(second, sleepers)).toBe('0\n');
    expect(await sh(second, 'ls /root /home /var 2>/dev/null; cat /etc/shadow 2>&1')).not.toMatch(/root:|corral/);
    expect(await sh(second, `ls ${harness.root} 2>&1`)).toContain('No such file');
  });
});
