import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type ListenAddress, listenOnSharedPort } from '../../../drivers/shared/link/shared-port.ts';

const host = '127.0.0.1';
const portOf = (server: Server) => (server.address() as AddressInfo).port;

const opening = (server: Server) => (place: ListenAddress) => once(server.listen(place), 'listening');

async function shared() {
  const server = createServer((_, res) => res.end('here'));
  const more = await listenOnSharedPort(server, { host, port: 0 }, opening(server));
  const end = async () => {
    server.closeAllConnections();
    server.close();
    await more.close();
  };
  onTestFinished(end);
  return { server, more, port: portOf(server) };
}

test('many clients that come at once are met in a few turns of the event loop', async () => {
  const { server, port } = await shared();
  const clients = 64;
  let [turns, met, isOver] = [0, 0, false];
  const all = new Promise<void>((resolve) => server.on('connection', () => ++met === clients && resolve()));
  const sockets = Array.from({ length: clients }, () => connect(port, host));
  const count = () => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  count();
  await all;
  isOver = true;
  for (const socket of sockets) socket.destroy();
  expect(turns).toBeLessThan(clients / 2);
});

test('every socket answers', async () => {
  const { port } = await shared();
  const answers = Array.from({ length: 40 }, async () =>
    (await fetch(`http://${host}:${port}`, { headers: { connection: 'close' } })).text(),
  );
  expect(new Set(await Promise.all(answers))).toEqual(new Set(['here']));
});

test('once it is closed, no client is let in any more, and open requests are waited for', async () => {
  const { server, more, port } = await shared();
  const socket = connect(port, host);
  await once(server, 'connection');
  server.close();
  const closed = more.close();
  await expect(fetch(`http://${host}:${port}`)).rejects.toThrow();
  socket.destroy();
  await closed;
});

test('a port that is taken is refused, also when its sockets would share it', async () => {
  const { port } = await shared();
  const other = createServer();
  await expect(listenOnSharedPort(other, { host, port }, opening(other))).rejects.toMatchObject({ code: 'EADDRINUSE' });
});
