import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CallOptions, SandboxSpec } from '../../../drivers/driver.ts';
import { createProcessDriver } from '../../../drivers/process/process.ts';
import { createIdSource, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { processHarness } from '../servers/process.ts';
import { programs } from '../servers/programs.ts';
import { removeFolder } from '../stores/store.ts';
import { standIn } from './hostile-daemon.ts';

const MiB = 1024 * 1024;
const call = (): CallOptions => ({ signal: AbortSignal.timeout(60_000) });

/** A real sandbox of bubblewrap in which a stand-in for the daemon answers each request by this statement. */
export async function hostileSandbox(answer: string) {
  await using stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'corral-hostile-'));
  stack.defer(() => removeFolder(folder));
  const file = join(folder, 'sandboxd.mjs');
  await writeFile(file, standIn(answer), { mode: 0o644 });
  const harness = stack.use(await processHarness('bwrap'));
  const options = harness.options({ programs: { ...programs, daemon: async () => file } });
  const driver = stack.use(await createProcessDriver(options));
  const sessionId = createIdSource().sessionId();
  const id = sandboxIdOf(sessionId);
  const spec: SandboxSpec = {
    id,
    sessionId,
    epoch: 1,
    template: 'base',
    image: harness.image,
    env: {},
    expiresAt: Date.now() + 600_000,
    limits: { memoryBytes: 1024 * MiB, cpus: 1, pids: 256, diskBytes: 1024 * MiB },
    egress: { kind: 'none' },
  };
  stack.defer(() => driver.destroy(id, 'remove', call()));
  await driver.provision(spec, call());
  const held = stack.move();
  return {
    /** A new connection, as after a restart of the server. */
    async attach() {
      const link = await driver.attach(id, call());
      const client = createSandboxClient({ agent: link.agent, token: link.token, workdir: link.workdir });
      return { client, lost: link.lost, [Symbol.asyncDispose]: () => link[Symbol.asyncDispose]() };
    },
    [Symbol.asyncDispose]: () => held.disposeAsync(),
  };
}
