import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type CallOptions, type Driver, hostsVolumes, type SandboxSpec } from '../../../drivers/driver.ts';
import { askDaemon, budget, type DriverHarness, type Kind, sh, type TestedDriver, testSpec } from './harness.ts';
import { volumeConformance } from './volumes.ts';

/** The isolation between a sandbox and everything else. */
function isolationConformance(tested: () => TestedDriver, kind: Kind): void {
  test('the only way out is the gate, which knows the sandbox of each connection', async () => {
    const boxes = [tested().spec({ egress: { kind: 'web' } }), tested().spec({ egress: { kind: 'web' } })];
    await Promise.all(boxes.map((it) => tested().driver.provision(it, budget())));
    for (const { id } of boxes) {
      await using link = await tested().driver.attach(id, budget());
      expect(await sh(link, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; echo >&3; cat <&3'")).toBe(id);
    }
  });

  test.skipIf(kind.networked)('inside there is no network but loopback; the sockets cannot be replaced', async () => {
    const { id } = await tested().driver.provision(tested().spec(), budget());
    await using link = await tested().driver.attach(id, budget());
    expect(await sh(link, 'ls /sys/class/net 2>/dev/null || tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "')).toBe(
      'lo\n',
    );
    expect(await sh(link, 'touch /run/corral/x 2>&1 | grep -c "Read-only\\|denied"')).toBe('1\n');
    expect(await sh(link, 'rm -f /run/corral/control 2>&1; test -S /run/corral/control && echo there')).toContain(
      'there',
    );
  });

  test('inside there is no other user, no capability, and nothing of the server', async () => {
    const { id } = await tested().driver.provision(tested().spec(), budget());
    await using link = await tested().driver.attach(id, budget());
    expect(await sh(link, 'id -u; id -g')).toMatch(/^([1-9]\d{4,})\n\1\n$/);
    const status = await sh(link, 'grep -E "^(CapEff|CapPrm|CapBnd|NoNewPrivs):" /proc/self/status');
    expect(status.replaceAll(/\s+/g, ' ')).toContain('CapPrm: 0000000000000000 CapEff: 0000000000000000');
    expect(status.replaceAll(/\s+/g, ' ')).toContain('NoNewPrivs: 1');
    expect(await sh(link, 'touch /usr/x /etc/x /x 2>&1 | grep -c "Read-only\\|denied"')).toBe('3\n');
    expect(await sh(link, 'ls /var/run/docker.sock /run/docker.sock 2>&1 | grep -c "No such"')).toBe('2\n');
    expect(await sh(link, 'echo ok > /tmp/x && echo ok > "$HOME/x" && echo ok > /workspace/x && echo written')).toBe(
      'written\n',
    );
    expect(await sh(link, 'ulimit -c; ulimit -n')).toBe('0\n4096\n');
  });

  test('the workspace is also the home of the user called user, and is where commands begin', async () => {
    const { id } = await tested().driver.provision(tested().spec(), budget());
    await using link = await tested().driver.attach(id, budget());
    expect(await sh(link, 'id -un; pwd -P; echo "$HOME"')).toBe('user\n/workspace\n/workspace/.corral/home\n');
    expect(await sh(link, 'echo x > /workspace/one && cd /home/user && pwd -P && cat one')).toBe('/home/user\nx\n');
    expect(await sh(link, 'sudo -n id -un; touch /home/x 2>&1 | grep -c "Read-only\\|denied"')).toBe('user\n1\n');
    // Either both names of Python exist or neither.
    const inLogin = `bash -lc 'sudo -n id -un; test "$(type -P python3)" = "" -o "$(type -P python)" != "" && echo both'`;
    expect(await sh(link, inLogin)).toBe('user\nboth\n');
    const entry = await askDaemon(link, 'GET', '/paths/entry?path=/home/user');
    expect(entry).toMatchObject({ status: 200, body: { path: '/home/user', workspace: true } });
  });
}

/** Tests the contract of driver.ts on one backend. */
export function driverConformance(name: string, open: () => Promise<DriverHarness>, kind: Kind): void {
  describe(`${name} driver`, () => {
    let harness: DriverHarness;
    let driver: Driver;
    let stack: AsyncDisposableStack;
    const spec = (over: Partial<SandboxSpec> = {}) => testSpec(harness.image, over);
    const connect = async (as?: { replica?: string; instance?: string }) => stack.use(await harness.connect(as));

    const tested = (): TestedDriver => ({ harness, driver, spec });

    beforeAll(async () => {
      harness = await open();
    }); // the first run may have to build an image
    afterAll(() => harness?.[Symbol.asyncDispose]());
    beforeEach(async () => {
      stack = new AsyncDisposableStack();
      driver = await connect();
    });
    afterEach(async () => {
      await stack.disposeAsync();
      await using sweeper = await harness.connect();
      for (const { id } of await sweeper.list(budget())) await sweeper.destroy(id, 'remove', budget());
    });

    // The tests below run first, because only the very first start prepares what later ones share.
    test('the first sandboxes of an installation can start at once', async () => {
      const boxes = await Promise.all([spec(), spec(), spec()].map((it) => driver.provision(it, budget())));
      expect(boxes.map(({ phase }) => phase)).toEqual(['ready', 'ready', 'ready']);
    });

    test('the backend answers', async () => await driver.check(budget()));

    test('provision resolves with a sandbox that is ready and listed', async () => {
      const sandboxSpec = spec();
      const news: string[] = [];
      const box = await driver.provision(sandboxSpec, budget(), ({ phase }) => news.push(phase));
      const { id, sessionId, epoch, template, image, expiresAt } = sandboxSpec;
      const { host } = box; // of drivers with several
      expect(box).toEqual({ id, sessionId, epoch, template, image, expiresAt, phase: 'ready', host });
      expect([await driver.list(budget()), news.at(-1)]).toEqual([[box], 'starting']);
    });

    test('the daemon inside answers through the link', async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      const expected = { status: 200, body: { idleMs: expect.anything() } };
      expect(await askDaemon(link, 'GET', '/health')).toMatchObject(expected);
      expect(link.workdir).toMatch(/^\//);
    });

    test('many requests at once are all answered', { tags: ['all'] }, async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      const answers = await Promise.all(Array.from({ length: 50 }, () => askDaemon(link, 'GET', '/health')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    });

    test('F114 provisioning one sandbox twice at once gives one sandbox', async () => {
      const sandboxSpec = spec();
      const [a, b] = await Promise.all([1, 2].map(() => driver.provision(sandboxSpec, budget())));
      expect(a).toEqual(b);
      expect(await driver.list(budget())).toHaveLength(1);
    });

    test('F054 F114 two servers that provision one sandbox at once share it', { tags: ['all'] }, async () => {
      const sandboxSpec = spec();
      const other = await connect({ replica: 'other' });
      await Promise.all([driver, other].map((it) => it.provision(sandboxSpec, budget())));
      expect(await other.list(budget())).toHaveLength(1);
      for (const it of [driver, other]) {
        await using link = await it.attach(sandboxSpec.id, budget());
        expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
      }
    });

    test('a restarted server finds the sandbox, reaches its daemon and ends it', async () => {
      const sandboxSpec = spec();
      const box = await driver.provision(sandboxSpec, budget());
      await driver[Symbol.asyncDispose]();
      const next = await connect();
      expect(await next.list(budget())).toEqual([box]);
      await using link = await next.attach(box.id, budget());
      expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
      expect(await next.provision(sandboxSpec, budget())).toEqual(box);
      const closed = await next.attach(box.id, budget());
      await closed[Symbol.asyncDispose]();
      expect([closed.lost.aborted, link.lost.aborted]).toEqual([true, false]);
      await next.destroy(box.id, 'remove', budget());
      expect([link.lost.aborted, await next.list(budget())]).toEqual([true, []]);
    });

    test('a link reports the death of a sandbox that an operator killed, and the sandbox can start again', async () => {
      const sandboxSpec = spec();
      await driver.provision(sandboxSpec, budget());
      await using link = await driver.attach(sandboxSpec.id, budget());
      await harness.killBehindItsBack(sandboxSpec.id);
      await expect.poll(() => link.lost.aborted).toBe(true);
      expect(link.lost.reason).toMatchObject({ code: 'sandbox_lost' });
      await expect(driver.attach(sandboxSpec.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
      await driver.provision(sandboxSpec, budget());
      await using again = await driver.attach(sandboxSpec.id, budget());
      expect(await askDaemon(again, 'GET', '/health')).toMatchObject({ status: 200 });
    });

    test('a server that did not start the sandbox learns of its death too', { tags: ['all'] }, async () => {
      const { id } = await driver.provision(spec(), budget());
      await driver[Symbol.asyncDispose]();
      const next = await connect();
      await using link = await next.attach(id, budget());
      await harness.killBehindItsBack(id);
      await expect.poll(() => link.lost.aborted).toBe(true);
    });

    test('F114 a kept sandbox is listed as stopped, and its next start finds its files', async () => {
      const sandboxSpec = spec();
      const box = await driver.provision(sandboxSpec, budget());
      {
        await using link = await driver.attach(box.id, budget());
        await askDaemon(link, 'PUT', '/files/content?path=kept.txt', 'kept');
      }
      await driver.destroy(box.id, 'keep', budget());
      expect(await driver.list(budget())).toEqual([{ ...box, phase: 'stopped', host: undefined }]);
      await expect(driver.attach(box.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
      expect(await driver.provision(sandboxSpec, budget())).toEqual(box);
      await using link = await driver.attach(box.id, budget());
      expect(await askDaemon(link, 'GET', '/files/content?path=kept.txt')).toEqual({ status: 200, body: '"kept"' });
      expect(await driver.list(budget())).toEqual([box]);
    });

    test('removing leaves nothing in any phase, and can be repeated', { tags: ['all'] }, async () => {
      const { id } = await driver.provision(spec(), budget());
      await Promise.all([driver.destroy(id, 'remove', budget()), driver.destroy(id, 'remove', budget())]);
      expect([await driver.list(budget()), await harness.remains(id)]).toEqual([[], []]);
      await driver.destroy(id, 'remove', budget());
      const kept = await driver.provision(spec(), budget());
      await driver.destroy(kept.id, 'keep', budget());
      await driver.destroy(kept.id, 'remove', budget());
      expect([await driver.list(budget()), await harness.remains(kept.id)]).toEqual([[], []]);
    });

    test.each(['keep', 'remove'] as const)('destroying a sandbox that never was succeeds (%s)', async (workspace) => {
      await driver.destroy(spec().id, workspace, budget());
      expect(await driver.list(budget())).toEqual([]);
    });

    test('F106 a destroy that overtakes a start wins', async () => {
      const sandboxSpec = spec();
      const starting = driver.provision(sandboxSpec, budget()).catch((error) => error);
      await driver.destroy(sandboxSpec.id, 'remove', budget());
      const outcome = await starting;
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'cancelled' });
      expect([await driver.list(budget()), await harness.remains(sandboxSpec.id)]).toEqual([[], []]);
    });

    test('an unknown image is a permanent error and leaves nothing behind', async () => {
      const sandboxSpec = spec({ image: 'corral-test/no-such-image:none' });
      const refused = driver.provision(sandboxSpec, budget());
      await expect(refused).rejects.toMatchObject({ code: 'image_missing', retryable: false });
      expect([await driver.list(budget()), await harness.remains(sandboxSpec.id)]).toEqual([[], []]);
    });

    test('a cancelled start leaves nothing running, and can be repeated', { tags: ['all'] }, async () => {
      const sandboxSpec = spec();
      for (const ms of [1, 10, 60, 150]) {
        const stop = new AbortController();
        const timer = setTimeout(() => stop.abort(), ms); // cancels somewhere in the middle of the start
        const cut = driver.provision(sandboxSpec, { ...budget(), signal: stop.signal }).catch((error) => error);
        const outcome = await cut;
        clearTimeout(timer);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'cancelled' });
        else await driver.destroy(sandboxSpec.id, 'remove', budget());
        await expect.poll(() => driver.list(budget())).toEqual([]);
      }
      await expect.poll(() => harness.remains(sandboxSpec.id)).toEqual([]); // the clean-up runs concurrently
      await driver.provision(sandboxSpec, budget());
      expect(await driver.list(budget())).toHaveLength(1);
    });

    test('of two callers of one start, one can cancel without harming the other', { tags: ['all'] }, async () => {
      const sandboxSpec = spec();
      const stop = new AbortController();
      const leaving = driver.provision(sandboxSpec, { ...budget(), signal: stop.signal }).catch((error) => error);
      const staying = driver.provision(sandboxSpec, budget());
      stop.abort();
      expect(await leaving).toMatchObject({ code: 'cancelled' });
      expect(await staying).toMatchObject({ phase: 'ready' });
    });

    test('an exceeded deadline is a retryable error', { tags: ['all'] }, async () => {
      const call: CallOptions = { signal: AbortSignal.timeout(0) };
      await once(call.signal, 'abort');
      const late = driver.provision(spec(), call);
      await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded', retryable: true });
    });

    test.each(['check', 'provision', 'attach', 'list', 'destroy'] as const)(
      '%s stops with its signal',
      async (method) => {
        const { id } = await driver.provision(spec(), budget());
        const call: CallOptions = { signal: AbortSignal.abort() };
        const calls = {
          check: () => driver.check(call),
          provision: () => driver.provision(spec(), call),
          attach: () => driver.attach(id, call),
          list: () => driver.list(call),
          destroy: () => driver.destroy(id, 'remove', call),
        };
        await expect(calls[method]()).rejects.toMatchObject({ code: 'cancelled' });
        expect(await driver.list(budget())).toHaveLength(1);
      },
    );

    test('the sandboxes of another installation are neither listed nor touched', { tags: ['all'] }, async () => {
      const stranger = await connect({ instance: 'stranger' });
      const sandboxSpec = spec();
      await stranger.provision(sandboxSpec, budget());
      try {
        expect(await driver.list(budget())).toEqual([]);
        await driver.destroy(sandboxSpec.id, 'remove', budget());
        expect(await stranger.list(budget())).toMatchObject([{ id: sandboxSpec.id, phase: 'ready' }]);
      } finally {
        await stranger.destroy(sandboxSpec.id, 'remove', budget());
      }
    });

    test('a driver mounts volumes, or says why it does not', () => {
      expect(hostsVolumes(driver)).toBe(driver.capabilities.noVolumes === undefined);
    });

    if (kind.isolated && kind.networked !== true) volumeConformance(tested);
    if (kind.isolated) isolationConformance(tested, kind);
    if (!kind.real) return;

    test('F031 a daemon that is killed comes back, and the sandbox is not lost', async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      const before = (await askDaemon(link, 'GET', '/health')).body as { bootId: string };
      await sh(link, 'kill -9 $PPID').catch(() => {}); // the daemon is the command's parent
      await expect
        .poll(() => askDaemon(link, 'GET', '/health').catch(() => undefined))
        .toMatchObject({ status: 200, body: { bootId: expect.not.stringMatching(before.bootId) } });
      expect(link.lost.aborted).toBe(false);
    });

    test('F039 a process that left its group and session is gone after the end', { tags: ['all'] }, async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      await sh(link, 'setsid -f nohup sleep 98765 >/dev/null 2>&1 </dev/null; (setsid sleep 98765 &) >/dev/null 2>&1');
      await driver.destroy(id, 'keep', budget());
      expect(await harness.remains(id)).not.toContainEqual(expect.stringContaining('process'));
    });
  });
}
