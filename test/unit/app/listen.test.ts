import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { listening } from '../../../src/app/start/listen.ts';

async function listen(host: string, port: number) {
  const server = createServer();
  const stop = () => void server.close();
  await listening({ host, port }, () => once(server.listen(port, host), 'listening'));
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: stop };
}

test('a port that another program has is an error that names it and another one', async () => {
  using first = await listen('127.0.0.1', 0);
  await expect(listen('127.0.0.1', first.port)).rejects.toMatchObject({
    code: 'invalid_request',
    publicMessage: expect.stringMatching(
      `cannot listen on 127.0.0.1:${first.port}: another program listens there already.*PORT=${first.port + 1}`,
    ),
  });
});

test('an address of another machine is an error that says so', () =>
  expect(listen('192.0.2.1', 0)).rejects.toThrow('192.0.2.1 is no address of this machine'));

test('an error that is not about the address stays unchanged', async () => {
  const bug = new TypeError('a bug');
  await expect(listening({ host: '127.0.0.1', port: 1 }, () => Promise.reject(bug))).rejects.toBe(bug);
});
