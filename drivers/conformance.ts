import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { json, text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type SandboxId, SessionId, sandboxIdOf, VolumeId } from '../src/core/model/ids.ts';
import {
  type Call,
  type Driver,
  hostsVolumes,
  type MountedVolume,
  type SandboxLink,
  type SandboxSpec,
} from './driver.ts';

/** A backend to test. Its gate answers each connection with the id of the sandbox it comes from. */
export interface DriverHarness extends AsyncDisposable {
  /** The name of an existing image that starts quickly. */
  readonly image: string;
  /**
   * A new driver object over the same backend, as a restarted server would build it. `replica` names another server
   * next to the first; `instance` is another installation on the same backend.
   */
  connect(as?: { replica?: string; instance?: string }): Promise<Driver>;
  /** Kills the sandbox without a driver call, as an operator or the OOM killer would. */
  killBehindItsBack(id: SandboxId): Promise<void>;
  /** Everything the backend still has of the sandbox: processes, containers, volumes, folders. For error messages. */
  remains(id: SandboxId): Promise<readonly string[]>;
}
export interface Kind {
  /** Whether sandboxes have real processes that can be killed. */
  readonly real: boolean;
  /** Whether sandboxes are isolated from the machine. */
  readonly isolated: boolean;
  /** Sandboxes have a network interface and network policies isolate them; the server mounts no sockets inside. */
  readonly networked?: boolean;
}

export const budget = (ms = 60_000): Call => ({ signal: AbortSignal.timeout(ms), deadlineAt: Date.now() + ms });

let made = 0;
const run = Math.floor(Math.random() * 2 ** 32);
export function testSpec(image: string, over: Partial<SandboxSpec> = {}): SandboxSpec {
  made += 1;
  const sessionId = SessionId.parse(run.toString(16).padStart(8, '0') + made.toString(16).padStart(8, '0'));
  return {
    id: sandboxIdOf(sessionId),
    sessionId,
    epoch: 1,
    template: 'base',
    image,
    limits: { memoryBytes: 512 * 2 ** 20, cpus: 1, pids: 256, diskBytes: 2 ** 30 },
    egress: { kind: 'none' },
    env: {},
    expiresAt: Date.now() + 600_000,
    ...over,
  };
}

/** Sends a request to the daemon over the link and resolves with its status and body. */
export async function askDaemon(link: SandboxLink, method: string, path: string, body?: unknown) {
  const headers = { authorization: `Bearer ${link.token.reveal()}`, 'content-type': 'application/json' };
  const options = { agent: link.agent, method, headers, signal: AbortSignal.timeout(60_000) };
  const call = request(`http://sandbox${path}`, options);
  call.end(body === undefined ? undefined : JSON.stringify(body));
  const [response] = (await once(call, 'response')) as [IncomingMessage];
  const isJson = response.headers['content-type']?.includes('json') === true;
  return { status: response.statusCode, body: await (isJson ? json(response) : text(response)) };
}

/** Runs a command inside and resolves with its output. */
export async function sh(link: SandboxLink, command: string): Promise<string> {
  const { status, body } = await askDaemon(link, 'POST', '/exec', { command });
  if (status !== 200) throw new Error(`exec answered ${status}: ${JSON.stringify(body)}`);
  const { stdout, stderr } = body as { stdout: string; stderr: string };
  return stdout + stderr;
}

export function driverConformance(name: string, open: () => Promise<DriverHarness>, kind: Kind): void {
  describe(`${name} driver`, () => {
    let harness: DriverHarness;
    let driver: Driver;
    let stack: AsyncDisposableStack;
    const spec = (over: Partial<SandboxSpec> = {}) => testSpec(harness.image, over);
    const connect = async (as?: { replica?: string; instance?: string }) => stack.use(await harness.connect(as));

    beforeAll(async () => {
      harness = await open();
    }, 600_000); // the first run may have to build an image
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

    // The tests below run first, because only the first start prepares what all later ones share.
    test('the first sandboxes of an installation can start at once', async () => {
      const boxes = await Promise.all([spec(), spec(), spec()].map((it) => driver.provision(it, budget())));
      expect(boxes.map(({ phase }) => phase)).toEqual(['ready', 'ready', 'ready']);
    });

    test('the backend answers', async () => {
      await driver.check(budget());
    });

    test('provision resolves with a sandbox that is ready and listed', async () => {
      const wanted = spec();
      const news: string[] = [];
      const box = await driver.provision(wanted, budget(), ({ phase }) => news.push(phase));
      const { id, sessionId, epoch, template, image, expiresAt } = wanted;
      expect(box).toEqual({ id, sessionId, epoch, template, image, expiresAt, phase: 'ready' });
      expect(await driver.list(budget())).toEqual([box]);
      expect(news.at(-1)).toBe('starting');
    });

    test('the daemon inside answers through the link', async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      expect(await askDaemon(link, 'GET', '/health')).toMatchObject({
        status: 200,
        body: { idleMs: expect.anything() },
      });
      expect(link.workdir).toMatch(/^\//);
    });

    test('many requests at once are all answered', async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      const answers = await Promise.all(Array.from({ length: 50 }, () => askDaemon(link, 'GET', '/health')));
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    });

    test('F114 provisioning one sandbox twice at once gives one sandbox', async () => {
      const wanted = spec();
      const [a, b] = await Promise.all([1, 2].map(() => driver.provision(wanted, budget())));
      expect(a).toEqual(b);
      expect(await driver.list(budget())).toHaveLength(1);
    });

    test('F054 F114 two servers that provision one sandbox at once get one sandbox, and both can use it', async () => {
      const wanted = spec();
      const other = await connect({ replica: 'other' });
      await Promise.all([driver, other].map((it) => it.provision(wanted, budget())));
      expect(await other.list(budget())).toHaveLength(1);
      for (const it of [driver, other]) {
        await using link = await it.attach(wanted.id, budget());
        expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
      }
    });

    test('a restarted server finds the sandbox, reaches its daemon and ends it', async () => {
      const wanted = spec();
      const box = await driver.provision(wanted, budget());
      await driver[Symbol.asyncDispose]();
      const next = await connect();
      expect(await next.list(budget())).toEqual([box]);
      await using link = await next.attach(box.id, budget());
      expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
      expect(await next.provision(wanted, budget())).toEqual(box);
      await next.destroy(box.id, 'remove', budget());
      expect(link.lost.aborted).toBe(true);
      expect(await next.list(budget())).toEqual([]);
    });

    test('a link reports the death of a sandbox that an operator killed, and the sandbox can start again', async () => {
      const wanted = spec();
      await driver.provision(wanted, budget());
      await using link = await driver.attach(wanted.id, budget());
      await harness.killBehindItsBack(wanted.id);
      await expect.poll(() => link.lost.aborted, { timeout: 5_000 }).toBe(true);
      expect(link.lost.reason).toMatchObject({ code: 'sandbox_lost' });
      await expect(driver.attach(wanted.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
      await driver.provision(wanted, budget());
      await using again = await driver.attach(wanted.id, budget());
      expect(await askDaemon(again, 'GET', '/health')).toMatchObject({ status: 200 });
    });

    test('a server that did not start the sandbox learns of its death too', async () => {
      const { id } = await driver.provision(spec(), budget());
      await driver[Symbol.asyncDispose]();
      const next = await connect();
      await using link = await next.attach(id, budget());
      await harness.killBehindItsBack(id);
      await expect.poll(() => link.lost.aborted, { timeout: 5_000 }).toBe(true);
    });

    test('F114 a kept sandbox is listed as stopped, and its next start finds its files', async () => {
      const wanted = spec();
      const box = await driver.provision(wanted, budget());
      {
        await using link = await driver.attach(box.id, budget());
        await askDaemon(link, 'PUT', '/files/content?path=kept.txt', 'kept');
      }
      await driver.destroy(box.id, 'keep', budget());
      expect(await driver.list(budget())).toEqual([{ ...box, phase: 'stopped' }]);
      await expect(driver.attach(box.id, budget())).rejects.toMatchObject({ code: 'sandbox_not_found' });
      expect(await driver.provision(wanted, budget())).toEqual(box);
      await using link = await driver.attach(box.id, budget());
      expect(await askDaemon(link, 'GET', '/files/content?path=kept.txt')).toEqual({ status: 200, body: '"kept"' });
      expect(await driver.list(budget())).toEqual([box]);
    });

    test('removing leaves nothing in any phase, and can be repeated', async () => {
      const { id } = await driver.provision(spec(), budget());
      await Promise.all([driver.destroy(id, 'remove', budget()), driver.destroy(id, 'remove', budget())]);
      expect(await driver.list(budget())).toEqual([]);
      expect(await harness.remains(id)).toEqual([]);
      await driver.destroy(id, 'remove', budget());
      const kept = await driver.provision(spec(), budget());
      await driver.destroy(kept.id, 'keep', budget());
      await driver.destroy(kept.id, 'remove', budget());
      expect(await driver.list(budget())).toEqual([]);
      expect(await harness.remains(kept.id)).toEqual([]);
    });

    test.each(['keep', 'remove'] as const)(
      'destroying a sandbox that never existed succeeds (%s)',
      async (workspace) => {
        await driver.destroy(spec().id, workspace, budget());
        expect(await driver.list(budget())).toEqual([]);
      },
    );

    test('F106 a destroy that overtakes a start wins', async () => {
      const wanted = spec();
      const starting = driver.provision(wanted, budget()).catch((error) => error);
      await driver.destroy(wanted.id, 'remove', budget());
      const outcome = await starting;
      if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'cancelled' });
      expect(await driver.list(budget())).toEqual([]);
      expect(await harness.remains(wanted.id)).toEqual([]);
    });

    test('an unknown image is a permanent error and leaves nothing behind', async () => {
      const wanted = spec({ image: 'corral-test/no-such-image:none' });
      const refused = driver.provision(wanted, budget());
      await expect(refused).rejects.toMatchObject({ code: 'image_missing', retryable: false });
      expect(await driver.list(budget())).toEqual([]);
      expect(await harness.remains(wanted.id)).toEqual([]);
    });

    test('a cancelled start leaves nothing running, and can be repeated', async () => {
      const wanted = spec();
      for (const ms of [1, 10, 60, 150]) {
        const stop = new AbortController();
        const timer = setTimeout(() => stop.abort(), ms); // cancels somewhere in the middle of the start
        const cut = driver.provision(wanted, { ...budget(), signal: stop.signal }).catch((error) => error);
        const outcome = await cut;
        clearTimeout(timer);
        if (outcome instanceof Error) expect(outcome).toMatchObject({ code: 'cancelled' });
        else await driver.destroy(wanted.id, 'remove', budget());
        await expect.poll(() => driver.list(budget()), { timeout: 30_000 }).toEqual([]);
      }
      await expect.poll(() => harness.remains(wanted.id), { timeout: 30_000 }).toEqual([]); // the clean-up runs concurrently
      await driver.provision(wanted, budget());
      expect(await driver.list(budget())).toHaveLength(1);
    });

    test('of two callers of one start, one can cancel without harming the other', async () => {
      const wanted = spec();
      const stop = new AbortController();
      const leaving = driver.provision(wanted, { ...budget(), signal: stop.signal }).catch((error) => error);
      const staying = driver.provision(wanted, budget());
      stop.abort();
      expect(await leaving).toMatchObject({ code: 'cancelled' });
      expect(await staying).toMatchObject({ phase: 'ready' });
    });

    test('an exceeded deadline is a retryable error', async () => {
      const call: Call = { signal: AbortSignal.timeout(0), deadlineAt: Date.now() };
      await once(call.signal, 'abort');
      const late = driver.provision(spec(), call);
      await expect(late).rejects.toMatchObject({ code: 'deadline_exceeded', retryable: true });
    });

    test.each(['check', 'provision', 'attach', 'list', 'destroy'] as const)(
      '%s stops when its signal has fired',
      async (method) => {
        const { id } = await driver.provision(spec(), budget());
        const call: Call = { signal: AbortSignal.abort(), deadlineAt: Date.now() };
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

    test('the sandboxes of another installation are neither listed nor touched', async () => {
      const stranger = await connect({ instance: 'stranger' });
      const wanted = spec();
      await stranger.provision(wanted, budget());
      try {
        expect(await driver.list(budget())).toEqual([]);
        await driver.destroy(wanted.id, 'remove', budget());
        expect(await stranger.list(budget())).toMatchObject([{ id: wanted.id, phase: 'ready' }]);
      } finally {
        await stranger.destroy(wanted.id, 'remove', budget());
      }
    });

    test('disposing a link leaves the sandbox running', async () => {
      const { id } = await driver.provision(spec(), budget());
      await (await driver.attach(id, budget()))[Symbol.asyncDispose]();
      expect(await driver.list(budget())).toMatchObject([{ phase: 'ready' }]);
      await using link = await driver.attach(id, budget());
      expect(await askDaemon(link, 'GET', '/health')).toMatchObject({ status: 200 });
    });

    test('a driver mounts volumes, or says why it does not', () => {
      expect(hostsVolumes(driver)).toBe(driver.capabilities.noVolumes === undefined);
    });

    if (kind.isolated && kind.networked !== true) {
      const mount = (volume: VolumeId, over: Partial<MountedVolume> = {}): MountedVolume => ({
        volume,
        path: '/mnt/deep/cache',
        access: 'write',
        quotaBytes: 2 ** 20,
        ...over,
      });
      const volumes = () => {
        if (!hostsVolumes(driver)) throw new Error('the driver has no volumes');
        return driver;
      };

      test('what one sandbox writes into a volume, its next one and a reader have, and no end of a sandbox takes it', async () => {
        const id = VolumeId.parse(`vol-${spec().sessionId}`);
        await volumes().makeVolume(id, budget());
        await volumes().makeVolume(id, budget());
        try {
          const first = spec({ volumes: [mount(id)] });
          await driver.provision(first, budget());
          {
            await using link = await driver.attach(first.id, budget());
            const write =
              'cd /mnt/deep/cache && mkdir a && echo one > a/file && chmod 600 a/file && ln -s /etc/passwd out && echo ok';
            expect(await sh(link, write)).toBe('ok\n');
          }
          await driver.destroy(first.id, 'remove', budget());
          const next = spec({ volumes: [mount(id, { path: '/data' })] });
          const reader = spec({ volumes: [mount(id, { access: 'read' })] });
          await Promise.all([next, reader].map((it) => driver.provision(it, budget())));
          await using writing = await driver.attach(next.id, budget());
          await using reading = await driver.attach(reader.id, budget());
          expect(await sh(writing, 'cat /data/a/file && echo two > /data/a/file && chmod 644 /data/a/file')).toBe(
            'one\n',
          );
          expect(await sh(reading, 'cat /mnt/deep/cache/a/file; readlink /mnt/deep/cache/out')).toBe(
            'two\n/etc/passwd\n',
          );
          expect(await sh(reading, 'touch /mnt/deep/cache/x 2>&1 | grep -c "Read-only"')).toBe('1\n');
          expect(await sh(reading, 'ls -A /mnt/deep')).toBe('cache\n');
          expect(await volumes().volumes(budget())).toEqual([id]);
        } finally {
          for (const box of await driver.list(budget())) await driver.destroy(box.id, 'remove', budget());
          await volumes().removeVolume(id, budget());
        }
        expect(await volumes().volumes(budget())).toEqual([]);
        await volumes().removeVolume(id, budget());
      });

      test('a sandbox does not start with a volume that is gone, and the volume stays so', async () => {
        const wanted = spec({ volumes: [mount(VolumeId.parse(`vol-${spec().sessionId}`))] });
        await expect(driver.provision(wanted, budget())).rejects.toMatchObject({ code: 'sandbox_unavailable' });
        expect(await volumes().volumes(budget())).toEqual([]);
        expect(await harness.remains(wanted.id)).toEqual([]);
      });

      test('a program that writes beyond the quota of a volume is ended', async () => {
        const id = VolumeId.parse(`vol-${spec().sessionId}`);
        await volumes().makeVolume(id, budget());
        try {
          const wanted = spec({ volumes: [mount(id)] });
          await driver.provision(wanted, budget());
          await using link = await driver.attach(wanted.id, budget());
          const fill =
            'for n in $(seq 400); do head -c 4194304 /dev/zero; sleep 0.05; done > /mnt/deep/cache/big; echo done';
          expect(await sh(link, fill)).not.toContain('done');
          expect(Number(await sh(link, 'du -sm /mnt/deep/cache | cut -f1'))).toBeLessThan(800);
        } finally {
          for (const box of await driver.list(budget())) await driver.destroy(box.id, 'remove', budget());
          await volumes().removeVolume(id, budget());
        }
      });
    }

    if (kind.isolated) {
      test('the only way out is the gate, which knows the sandbox of each connection', async () => {
        const boxes = [spec({ egress: { kind: 'web' } }), spec({ egress: { kind: 'web' } })];
        await Promise.all(boxes.map((it) => driver.provision(it, budget())));
        for (const { id } of boxes) {
          await using link = await driver.attach(id, budget());
          expect(await sh(link, "bash -c 'exec 3<>/dev/tcp/127.0.0.1/3128; cat <&3'")).toBe(id);
        }
      });

      test.skipIf(kind.networked)(
        'inside there is no network but loopback, and the sockets cannot be replaced',
        async () => {
          const { id } = await driver.provision(spec(), budget());
          await using link = await driver.attach(id, budget());
          expect(
            await sh(link, 'ls /sys/class/net 2>/dev/null || tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "'),
          ).toBe('lo\n');
          expect(await sh(link, 'touch /run/corral/x 2>&1 | grep -c "Read-only\\|denied"')).toBe('1\n');
          expect(await sh(link, 'rm -f /run/corral/control 2>&1; test -S /run/corral/control && echo there')).toContain(
            'there',
          );
        },
      );

      test('inside there is no other user, no capability, and nothing of the server', async () => {
        const { id } = await driver.provision(spec(), budget());
        await using link = await driver.attach(id, budget());
        expect(await sh(link, 'id -u; id -g')).toMatch(/^([1-9]\d{4,})\n\1\n$/);
        const status = await sh(link, 'grep -E "^(CapEff|CapPrm|CapBnd|NoNewPrivs):" /proc/self/status');
        expect(status.replaceAll(/\s+/g, ' ')).toContain('CapPrm: 0000000000000000 CapEff: 0000000000000000');
        expect(status.replaceAll(/\s+/g, ' ')).toContain('NoNewPrivs: 1');
        expect(await sh(link, 'touch /usr/x /etc/x /x 2>&1 | grep -c "Read-only\\|denied"')).toBe('3\n');
        expect(await sh(link, 'ls /var/run/docker.sock /run/docker.sock 2>&1 | grep -c "No such"')).toBe('2\n');
        expect(
          await sh(link, 'echo ok > /tmp/x && echo ok > "$HOME/x" && echo ok > /workspace/x && echo written'),
        ).toBe('written\n');
        expect(await sh(link, 'ulimit -c; ulimit -n')).toBe('0\n4096\n');
      });

      test('the workspace is also the home of the user called user, and is where commands begin', async () => {
        const { id } = await driver.provision(spec(), budget());
        await using link = await driver.attach(id, budget());
        expect(await sh(link, 'id -un; pwd -P; echo "$HOME"')).toBe('user\n/workspace\n/workspace/.corral/home\n');
        expect(await sh(link, 'echo x > /workspace/one && cd /home/user && pwd -P && cat one')).toBe('/home/user\nx\n');
        expect(await sh(link, 'sudo -n id -un; touch /home/x 2>&1 | grep -c "Read-only\\|denied"')).toBe('user\n1\n');
        const inLogin = "bash -lc 'sudo -n id -un; python -c 1 && echo python'";
        expect(await sh(link, inLogin)).toBe('user\npython\n');
        const entry = await askDaemon(link, 'GET', '/paths/entry?path=/home/user');
        expect(entry).toMatchObject({ status: 200, body: { path: '/home/user', workspace: true } });
      });
    }
    if (!kind.real) return;

    test('F031 a daemon that is killed comes back within 2 s, and the sandbox is not lost', async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      const before = (await askDaemon(link, 'GET', '/health')).body as { bootId: string };
      await sh(link, 'kill -9 $PPID').catch(() => {}); // the daemon is the command's parent
      await expect
        .poll(() => askDaemon(link, 'GET', '/health').catch(() => undefined), { timeout: 3_000 })
        .toMatchObject({ status: 200, body: { bootId: expect.not.stringMatching(before.bootId) } });
      expect(link.lost.aborted).toBe(false);
    });

    test('F039 a process that left its group and session is gone after the end', async () => {
      const { id } = await driver.provision(spec(), budget());
      await using link = await driver.attach(id, budget());
      await sh(link, 'setsid -f nohup sleep 98765 >/dev/null 2>&1 </dev/null; (setsid sleep 98765 &) >/dev/null 2>&1');
      await driver.destroy(id, 'keep', budget());
      expect(await harness.remains(id)).not.toContainEqual(expect.stringContaining('process'));
    });
  });
}
