import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The real server as a process of its own on a data folder of its own; disposing stops it and removes the folder. */
export async function serverProcess(settings: Record<string, string>) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-server-'));
  const data = join(folder, 'data');
  const port = await freePort();
  const { PATH, HOME, NODE_EXTRA_CA_CERTS, DOCKER_HOST } = process.env;
  const env = { PATH, HOME, NODE_EXTRA_CA_CERTS, DOCKER_HOST, PORT: String(port), CORRAL_DATA_DIR: data, ...settings };
  const args = ['--disable-warning=ExperimentalWarning', 'src/main.ts'];
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const exit = once(child, 'exit').then(([code]) => code as number | null);
  const url = `http://127.0.0.1:${port}`;
  const isUp = async () => {
    if (child.exitCode !== null) throw new Error(`the server did not start:\n${output}`);
    return (await fetch(`${url}/health`)).status;
  };
  await expect.poll(isUp, { timeout: 30_000 }).toBe(200);
  return {
    url,
    data,
    exit,
    output: () => output,
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM');
      await exit;
      await rm(folder, { recursive: true, force: true });
    },
  };
}
