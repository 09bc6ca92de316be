import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import { findSocketUser, isFromOwnUser } from '../../../sandbox-images/sandboxd/server/peer-user.ts';

const head = '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (local: string, remote: string, user: number) =>
  `   1: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000 ${user}        0 2761152 1 0 100 0 0 10 0\n`;

test('the user of a connection is that of its own end, not of the other one', () => {
  const table = head + row('0100007F:0C38', '0100007F:BC92', 10_001) + row('0100007F:BC92', '0100007F:0C38', 40_002);
  expect([findSocketUser(table, 0xbc92, 3128), findSocketUser(table, 3128, 0xbc92)]).toEqual([40_002, 10_001]);
});

test('a connection that is not in the table, or not on loopback, has no user', () => {
  expect(findSocketUser(head, 0xbc92, 3128)).toBeUndefined();
  expect(findSocketUser(head + row('0200000A:BC92', '0100007F:0C38', 0), 0xbc92, 3128)).toBeUndefined();
  const mapped = '0000000000000000FFFF00000100007F';
  expect(findSocketUser(head + row(`${mapped}:BC92`, `${mapped}:0C38`, 7), 0xbc92, 3128)).toBe(7);
});

test('the kernel tells that a connection of this process is its own, and one that is closed is nobody’s', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const near = connect(typeof address === 'object' && address ? address.port : 0, '127.0.0.1');
  const [accepted] = (await once(server, 'connection')) as [Socket];
  expect(await isFromOwnUser(accepted)).toBe(true);
  expect(await isFromOwnUser({ remotePort: undefined, localPort: 3128 })).toBe(false);
  expect(await isFromOwnUser({ remotePort: 1, localPort: 1 })).toBe(false);
  near.destroy();
  accepted.destroy();
  server.close();
});
