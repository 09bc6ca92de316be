import { once } from 'node:events';
import { mkdir, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { openedSandboxd } from '../../support/sandboxes/sandboxd.ts';
import { budget } from './sandboxd.ts';

/** A server on a socket in the daemon's folder. Keeps the connections that arrive. */
async function listening(path: string, serve: (socket: Socket) => void, halfOpen = false) {
  const open = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: halfOpen }, (socket) => {
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
    serve(socket);
  }).listen(path);
  await once(server, 'listening');
  const close = async () => {
    server.close();
    for (const socket of open) socket.destroy();
    await rm(path, { force: true });
  };
  onTestFinished(close);
  return { open, close };
}

/** Reads the hello, answers, and then requests the health on the same connection. */
async function greetAndAsk(socket: Socket, answer: string, token: string): Promise<{ hello: string; reply: string }> {
  const [hello] = (await once(socket, 'data')) as [Buffer];
  socket.write(answer);
  socket.write(`GET /health HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer ${token}\r\nconnection: close\r\n\r\n`);
  return { hello: hello.toString(), reply: await text(socket) };
}

test('the daemon dials in, says who it is, and then answers on that connection', async () => {
  const daemon = await openedSandboxd();
  const { bootId, version } = await daemon.client.health(budget());
  const dialled: Socket[] = [];
  const control = await listening(join(daemon.folder, 'run/control'), (socket) => void dialled.push(socket));
  await expect.poll(() => dialled.length).toBe(1);
  const { hello, reply } = await greetAndAsk(dialled[0] as Socket, 'ok\n', daemon.token);
  expect(JSON.parse(hello)).toEqual({ corral: 1, version, boot: bootId, token: daemon.token, sparing: true });
  expect(hello.endsWith('}\n')).toBe(true);
  expect(reply).toContain(`"bootId":"${bootId}"`);
  await expect.poll(() => control.open.size).toBe(1); // a new connection replaced the used one
});

test('a health check makes the daemon dial no further connection, and any other request does', async () => {
  const daemon = await openedSandboxd();
  const dialled: Socket[] = [];
  await listening(join(daemon.folder, 'run/control'), (socket) => void dialled.push(socket));
  await expect.poll(() => dialled.length).toBe(1);
  const socket = dialled[0] as Socket;
  await once(socket, 'data');
  socket.write('ok\n');
  const ask = async (path: string) => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: sandbox\r\nauthorization: Bearer ${daemon.token}\r\n\r\n`);
    await once(socket, 'data');
  };
  for (let n = 0; n < 3; n++) await ask('/health');
  expect(dialled.length).toBe(1);
  await ask('/processes');
  await expect.poll(() => dialled.length).toBe(2);
});

test('a server that restarts is dialled again, and so is one that comes later under a name of its own', async () => {
  const daemon = await openedSandboxd();
  const path = join(daemon.folder, 'run/control');
  const first = await listening(path, (socket) => void socket.once('data', () => socket.write('ok\n')));
  await expect.poll(() => first.open.size).toBe(1);
  await first.close();
  const again = await listening(path, () => {});
  const later = await listening(`${path}.replica`, () => {});
  await expect.poll(() => [again.open.size, later.open.size]).toEqual([1, 1]);
});

test('the loopback port leads to the egress socket, half-close and all', async () => {
  const port = 20_000 + (process.pid % 10_000);
  const daemon = await openedSandboxd({ CORRAL_EGRESS_PORT: String(port) });
  const echo = (socket: Socket) => void text(socket).then((all) => socket.end(`${all.length} bytes`));
  await listening(join(daemon.folder, 'run/egress'), echo, true);
  const asking = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  asking.end('x'.repeat(3_000_000));
  expect(await text(asking)).toBe('3000000 bytes');
});

test('a connection to the egress port ends at once while there is no egress socket', async () => {
  const port = 30_001 + (process.pid % 10_000);
  const daemon = await openedSandboxd({ CORRAL_EGRESS_PORT: String(port) });
  await mkdir(join(daemon.folder, 'run/egress'));
  const asking = connect({ port, host: '127.0.0.1' }).on('error', () => {});
  const closed = new Promise((resolve) => asking.once('close', resolve));
  asking.write('x');
  await closed;
});
