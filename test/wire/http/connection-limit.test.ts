import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { listenOnExtraPort } from '../../../src/app/start/listen.ts';
import { testServer } from '../../support/clients/http.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

/** A connection that has not sent anything. */
async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}
/** The answer to a request on that connection, head and body, and whether the server then closed it. */
async function responseTo(socket: Socket, path = '/sessions'): Promise<string> {
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  await once(socket, 'close');
  return answer;
}

test('the limit of connections per address spans all ports, and a closed connection frees its place', async () => {
  await using server = await testServer({ config: { maxConnectionsPerAddress: 2 } });
  await using more = await listenOnExtraPort(server.app.server, '127.0.0.1', 0);
  const [first, second] = [await opened(server.port), await opened(more.port)];
  for (const port of [server.port, more.port]) {
    const refused = await responseTo(await opened(port));
    expect(refused).toMatch(/^HTTP\/1\.1 429 /);
    expect(refused).toMatch(/\r\nretry-after: 1\r\n/i);
    expect(refused).toMatch(/\r\nconnection: close\r\n/i);
    expect(refused).toContain('More than 2 connections are open from this address.');
  }
  expect(await responseTo(first)).toMatch(/^HTTP\/1\.1 200 /);
  expect(await responseTo(await opened(more.port))).toMatch(/^HTTP\/1\.1 200 /);
  second.destroy();
  expect(server.lines.filter(({ text }) => text.startsWith('connections refused'))).toHaveLength(1);
});

test('an idle connection over the limit is closed', async () => {
  const clock = manualClock();
  await using server = await testServer({ clock, config: { maxConnectionsPerAddress: 1 } });
  const first = await opened(server.port);
  const second = await opened(server.port);
  const closed = once(second, 'close');
  await expect.poll(() => server.lines.length).toBe(1);
  clock.advance(2_000);
  await closed;
  expect(await responseTo(first)).toMatch(/^HTTP\/1\.1 200 /);
});

test('without a limit any number of connections is accepted', async () => {
  await using server = await testServer({ config: { maxConnectionsPerAddress: 0 } });
  const all = await Promise.all(Array.from({ length: 20 }, () => opened(server.port)));
  for (const socket of all) expect(await responseTo(socket)).toMatch(/^HTTP\/1\.1 200 /);
});
