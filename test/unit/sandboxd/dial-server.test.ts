import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { dialControlSockets } from '../../../sandbox-images/sandboxd/server/dial-server.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })); // timers must not fire on their own
afterEach(() => void vi.restoreAllMocks().useRealTimers()); // a spy on a fake timer puts the fake back

/** A server that a daemon dials, and its connections so far. */
async function dialled(answer = 'ok\n') {
  const stack = new AsyncDisposableStack();
  const folder = await mkdtemp(join(tmpdir(), 'corral-control-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const connections: Socket[] = [];
  const listener = createServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write(answer);
      connections.push(socket);
    });
  }).listen(join(folder, 'control'));
  stack.defer(() => void listener.close());
  await once(listener, 'listening');
  const server = createHttpServer();
  server.on('upgrade', (_request, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\n\r\n');
    socket.on('error', () => {}).resume();
  });
  stack.use(dialControlSockets({ folder, hello: '{}\n', server, log: () => {} }));
  return { connections, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

async function lend(connection: Socket | undefined): Promise<void> {
  connection?.write('GET /desktop/vnc HTTP/1.1\r\nhost: sandbox\r\nconnection: upgrade\r\nupgrade: stream\r\n\r\n');
  await once(connection as Socket, 'data');
}

test('a stream that was short is no reason to wait before the next connection is dialled', async () => {
  await using it = await dialled();
  await expect.poll(() => it.connections.length).toBe(1);
  await lend(it.connections[0]);
  await expect.poll(() => it.connections.length).toBe(2);
  it.connections[0]?.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  await lend(it.connections[1]);
  await expect.poll(() => it.connections.length).toBe(3);
});

test('a connection that is dropped before it was of any use is dialled again only after a pause', async () => {
  await using it = await dialled();
  await expect.poll(() => it.connections.length).toBe(1);
  it.connections[0]?.destroy();
  await new Promise((resolve) => setImmediate(resolve));
  await expect.poll(() => vi.getTimerCount()).toBeGreaterThan(0);
  expect(it.connections).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(60);
  await expect.poll(() => it.connections.length).toBe(2);
});

test('a server that says no is dialled again after pauses that double, up to a second', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout');
  await using _it = await dialled('no wrong token\n');
  const pauses = () => timers.mock.calls.flatMap(([, ms]) => (ms && ms <= 1_000 ? ms : []));
  const expected = [50, 100, 200, 400, 800, 1_000, 1_000];
  for (const n of expected.keys()) {
    await expect.poll(pauses).toEqual(expected.slice(0, n + 1));
    await vi.advanceTimersByTimeAsync(1_000);
  }
});
