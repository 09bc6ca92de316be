import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rename } from 'node:fs/promises';
import { Agent } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { bundleSandboxd } from '../../../src/app/images/bundle-sandboxd.ts';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import type { SandboxClient } from '../../../src/sandboxes/client/client.ts';
import { createSandboxClient } from '../../../src/sandboxes/client/http-client.ts';
import { removeFolder } from '../stores/store.ts';

export interface RealSandboxd extends AsyncDisposable {
  readonly client: SandboxClient;
  readonly agent: Agent;
  readonly token: string;
  readonly folder: string;
  readonly workspace: string;
  daemonPid(): Promise<number>;
}

const init = join(import.meta.dirname, '../../../sandbox-images/init.sh');
let bundled: Promise<string> | undefined;

/** The daemon's bundle, built once per test file. Equal content has an equal path, so that files do not pile up. */
export function bundle(): Promise<string> {
  bundled ??= (async () => {
    const folder = join(tmpdir(), `corral-test-bundles-${process.getuid?.()}`);
    await mkdir(folder, { recursive: true });
    const draft = join(folder, `${process.pid}.mjs`);
    await bundleSandboxd(draft);
    const hash = createHash('sha256')
      .update(await readFile(draft))
      .digest('hex');
    const file = join(folder, `${hash.slice(0, 16)}.mjs`);
    await rename(draft, file);
    return file;
  })();
  return bundled;
}

/** The bundled daemon under the image's init, with its own workspace on this machine and without any isolation. */
export async function realSandboxd(env: Record<string, string> = {}): Promise<RealSandboxd> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-sandboxd-'));
  const [workspace, runDir, socket] = [join(folder, 'workspace'), join(folder, 'run'), join(folder, 's')];
  await mkdir(workspace);
  await mkdir(runDir);
  const token = 'test-token';
  const child = spawn(init, [process.execPath, await bundle()], {
    detached: true,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      CORRAL_SANDBOX_ID: `sbx-${folder.slice(-6)}`,
      CORRAL_SANDBOXD_TOKEN: token,
      CORRAL_WORKSPACE: workspace,
      CORRAL_RUN_DIR: runDir,
      CORRAL_STATE_DIR: join(folder, 'state'),
      CORRAL_SANDBOXD_LISTEN: socket,
      CORRAL_EGRESS_PORT: '0',
      CORRAL_STOP_GRACE_MS: '400',
      ...env,
    },
  });
  const agent = new Agent({ keepAlive: true });
  agent.createConnection = () => connect(socket);
  const client = createSandboxClient({ agent, token: new Secret(token), workdir: workspace });
  await answering(client);
  return {
    client,
    agent,
    token,
    folder,
    workspace,
    async daemonPid() {
      const { stdout } = await client.exec({ command: 'echo $PPID' }, AbortSignal.timeout(60_000));
      return Number(stdout);
    },
    async [Symbol.asyncDispose]() {
      await killAll(client);
      agent.destroy();
      const gone = once(child, 'exit');
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGTERM');
        await gone;
      }
      await removeFolder(folder);
    },
  };
}

/** A daemon that lives as long as the test. */
export async function openedSandboxd(env: Record<string, string> = {}): Promise<RealSandboxd> {
  const daemon = await realSandboxd(env);
  onTestFinished(() => daemon[Symbol.asyncDispose]());
  return daemon;
}

async function answering(client: SandboxClient): Promise<void> {
  const patience = AbortSignal.timeout(60_000);
  for (;;) {
    const answer = await client.health(patience).catch(() => undefined);
    if (answer) return;
    await sleep(10, patience);
  }
}

/** Kills the test's remaining processes, because without a pid name space they outlive the daemon. */
async function killAll(client: SandboxClient): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const left = await client.processes(signal).catch(() => []);
  for (const { pid } of left) await client.signalProcess(pid, 'SIGKILL', signal).catch(() => {});
}
