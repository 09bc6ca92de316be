// A stand-in for the daemon inside a real sandbox answers every call with garbage, as fast as it can.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { describe, expect, test } from 'vitest';
import type { Call, SandboxSpec } from '../../drivers/driver.ts';
import { processDriver } from '../../drivers/process/process.ts';
import { SessionId, sandboxIdOf } from '../../src/core/ids.ts';
import type { SandboxClient } from '../../src/sandbox/client.ts';
import { sandboxClient } from '../../src/sandbox/http-client.ts';
import { garbage, standIn } from '../support/hostile-daemon.ts';
import { hasBubblewrap, processHarness } from '../support/process.ts';
import { programs } from '../support/programs.ts';

const MiB = 1024 * 1024;
const calls: Record<string, (client: SandboxClient, signal: AbortSignal) => Promise<unknown>> = {
  health: (client, signal) => client.health(signal),
  list: (client, signal) => client.listFiles('.', signal),
  exec: (client, signal) => client.exec({ command: 'true' }, signal),
};

describe.skipIf(!(await hasBubblewrap()))('a stand-in for the daemon in a real sandbox', { timeout: 120_000 }, () => {
  test.each(Object.entries(garbage))(
    '%s costs the server neither memory nor time, and ends the trust',
    async (_, answer) => {
      await using stack = new AsyncDisposableStack();
      const folder = await mkdtemp(join(tmpdir(), 'corral-hostile-'));
      stack.defer(() => rm(folder, { recursive: true, force: true }));
      const file = join(folder, 'sandboxd.mjs');
      await writeFile(file, standIn(answer), { mode: 0o644 });
      const harness = stack.use(await processHarness('bwrap'));
      const options = harness.options({ programs: { ...programs, daemon: async () => file } });
      const driver = stack.use(await processDriver(options));
      const sessionId = SessionId.parse('0123456789abcdef');
      const id = sandboxIdOf(sessionId);
      const call = (): Call => ({ signal: AbortSignal.timeout(60_000), deadlineAt: Date.now() + 60_000 });
      const spec: SandboxSpec = {
        ...{
          id,
          sessionId,
          epoch: 1,
          template: 'base',
          image: harness.image,
          env: {},
          expiresAt: Date.now() + 600_000,
        },
        limits: { memoryBytes: 1024 * MiB, cpus: 1, pids: 256, diskBytes: 1024 * MiB },
        egress: { kind: 'none' },
      };
      stack.defer(() => driver.destroy(id, 'remove', call()));
      await driver.provision(spec, call());
      const before = process.memoryUsage().rss;
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss);
      }, 20);
      stack.defer(() => clearInterval(watch));
      const delay = monitorEventLoopDelay({ resolution: 1 });
      for (const ask of Object.values(calls)) {
        await using link = await driver.attach(id, call());
        const client = sandboxClient({ agent: link.agent, token: link.token, workdir: link.workdir });
        delay.enable();
        await expect(ask(client, AbortSignal.timeout(20_000))).rejects.toMatchObject({ code: 'sandbox_untrusted' });
        delay.disable();
        expect(client.trust.broken.aborted).toBe(true);
      }
      expect(most - before).toBeLessThan(200 * MiB);
      expect(delay.max / 1e6).toBeLessThan(1_000);
    },
  );
});
