import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { expect, onTestFinished } from 'vitest';

const require = createRequire(import.meta.url);

export async function everythingServer(port: number): Promise<ChildProcess> {
  const program = require.resolve('@modelcontextprotocol/server-everything/dist/index.js');
  const child = spawn(process.execPath, [program, 'streamableHttp'], {
    env: { PATH: process.env.PATH, PORT: String(port) },
    stdio: 'ignore',
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/mcp`, { method: 'GET' }).then(
      () => true,
      () => false,
    );
  await expect.poll(answers).toBe(true);
  return child;
}
