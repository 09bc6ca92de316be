import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { TestContext } from 'vitest';
import WebSocket, { createWebSocketStream } from 'ws';

const run = promisify(execFile);
const folder = join(homedir(), '.cache', 'corral-vncdotool');
const program = join(folder, 'bin', 'vncdo');
let installed: Promise<boolean> | undefined;

/**
 * vncdotool, an independent viewer from the package index, cached between runs. Skips the test if it cannot be
 * installed.
 */
export async function vncdo(context: TestContext): Promise<(port: number, ...args: string[]) => Promise<void>> {
  const works = () => run(program, ['--version']).then(...yesOrNo);
  const install = async () => {
    if (await works()) return true;
    const pip = ['-m', 'pip', 'install', '-q', 'vncdotool'];
    await run('python3', ['-m', 'venv', folder])
      .then(() => run(join(folder, 'bin', 'python'), pip, { timeout: 90_000 }))
      .catch(() => {});
    return await works();
  };
  installed ??= install();
  if (!(await installed)) {
    if (process.env.CI === 'true') throw new Error('needed in CI: vncdotool can be installed by pip');
    context.skip('needs vncdotool, which pip could not install');
  }
  return async (port, ...args) => {
    await run(program, ['-s', `127.0.0.1::${port}`, ...args], { timeout: 20_000 });
  };
}

/** A pixel of a screenshot, as `red green blue`. */
export async function pixelOf(picture: string, x: number, y: number): Promise<string> {
  const script = `from PIL import Image; print(*Image.open(${JSON.stringify(picture)}).convert("RGB").getpixel((${x}, ${y})))`;
  return (await run(join(folder, 'bin', 'python'), ['-c', script])).stdout.trim();
}

const yesOrNo = [() => true, () => false] as const;

/** A TCP port that forwards to the WebSocket, for VNC clients that speak only TCP. */
export async function vncBridge(url: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((socket) => {
    const stream = createWebSocketStream(new WebSocket(url, ['binary']));
    socket.pipe(stream).pipe(socket);
    for (const end of [socket, stream]) end.on('error', () => [socket, stream].map((one) => one.destroy()));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.close();
    },
  };
}
