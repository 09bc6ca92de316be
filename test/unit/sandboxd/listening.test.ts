import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { findListeningPorts, parseListeningRows } from '../../../sandbox-images/sandboxd/ports/listening.ts';

const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 111 1 0000000000000000 100 0 0 10 0
   1: 00000000:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 222 1 0000000000000000 100 0 0 10 0
   2: 0100007F:0BB8 0100007F:D431 01 00000000:00000000 00:00000000 00000000  1000        0 333 1 0000000000000000 100 0 0 10 0
   3: 0500000A:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1 0000000000000000 100 0 0 10 0
`;
const table6 = `  sl  local_address                         remote_address                        st
   0: 00000000000000000000000001000000:0BB9 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 555 1
   1: 00000000000000000000000000000000:0BBA 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 666 1
`;

test('only sockets that listen at an address of the loopback count', () => {
  expect(parseListeningRows(table)).toEqual([
    { port: 3000, inode: '111' },
    { port: 8080, inode: '222' },
  ]);
  expect([parseListeningRows(table6).map(({ port }) => port), parseListeningRows('')]).toEqual([[3001, 3002], []]);
});

test('a server of this process is listed with its process, and left out where it is the daemon itself', async (context) => {
  if (process.platform !== 'linux') return context.skip('the tables of the kernel are those of Linux');
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const found = findListeningPorts([]).find((one) => one.port === port);
  expect(found).toMatchObject({ port, pid: process.pid });
  expect(found?.command).toContain('node');
  expect(findListeningPorts([port]).some((one) => one.port === port)).toBe(false);
  server.close();
});
