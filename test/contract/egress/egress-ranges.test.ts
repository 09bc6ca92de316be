import { once } from 'node:events';
import { createServer, request } from 'node:http';
import { createServer as createTcp, type Socket } from 'node:net';
import { expect, test } from 'vitest';
import type { EgressPolicy } from '../../../src/sandboxes/egress/policy.ts';
import { egressBench, session, standIn, until } from '../../support/egress/egress.ts';

// A session that denies 192.0.2.0/24 except one address and one name, under a policy that opens the whole web.
const denied = '192.0.2.8';
const open = '198.51.100.7';
const rules = { allow: ['192.0.2.7', 'named.example.test'], deny: ['192.0.2.0/24', '2001:db8::/32'] };
const only = { allow: [`${open}/32`], deny: ['0.0.0.0/0', '::/0'] };
const names = {
  'open.example.test': [open],
  'denied.example.test': [denied],
  'named.example.test': [denied],
  'mixed.example.test': [denied, '2001:db8::1', open],
  'mapped.example.test': [`::ffff:${denied}`],
  'mapped-hex.example.test': ['::ffff:c000:208'],
  'translated.example.test': ['64:ff9b::c000:208'],
  'inside.example.test': [open, '10.0.0.1'],
  'odd.example.test': ['0300.0.2.8'],
};
const everywhere = (port: number) =>
  Object.fromEntries(
    [denied, open, '192.0.2.7', `::ffff:${denied}`, '::ffff:c000:208', '64:ff9b::c000:208', '2001:db8::1'].flatMap(
      (address) => [80, 443].map((at) => [`${address}:${at}`, port]),
    ),
  );

async function world(within: EgressPolicy['within'] = rules) {
  await using stack = new AsyncDisposableStack();
  const { port } = stack.use(await standIn(createServer((_req, res) => res.end('hello'))));
  const policy = { kind: 'web', within } as const;
  const bench = stack.use(await egressBench({ policy, names, servers: everywhere(port) }));
  const held = stack.move();
  return { ...bench, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
async function get(bench: { path: string }, url: string, host = new URL(url).host): Promise<number> {
  const req = request({ socketPath: bench.path, path: url, headers: { host } }).end();
  const [res] = await once(req, 'response');
  res.resume();
  return res.statusCode as number;
}
async function connectTo(bench: { connect(): Promise<Socket> }, authority: string) {
  const socket = await bench.connect();
  socket.write(`CONNECT ${authority} HTTP/1.1\r\n\r\n`);
  const head = await until(socket, '\r\n\r\n');
  return { socket, status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1]), head };
}
async function socksTo(bench: { connect(): Promise<Socket> }, ...address: number[]): Promise<number | undefined> {
  const socket = await bench.connect();
  socket.write(Buffer.from([5, 1, 0]));
  await until(socket, '\x05\x00');
  socket.write(Buffer.from([5, 1, 0, ...address, 0, 80]));
  const [answer] = await once(socket, 'data');
  socket.destroy();
  return (answer as Buffer)[1];
}
const socksName = (name: string) => [3, name.length, ...Buffer.from(name)];

test.each([
  ['open.example.test', 200, open],
  ['named.example.test', 200, denied],
  ['NAMED.example.test.', 200, denied],
  ['mixed.example.test', 200, open],
  ['192.0.2.7', 200, '192.0.2.7'],
  ['denied.example.test', 403, undefined],
  ['Denied.Example.Test.', 403, undefined],
  ['inside.example.test', 403, undefined],
  ['odd.example.test', 403, undefined],
  [denied, 403, undefined],
  [`[::ffff:${denied}]`, 403, undefined],
  ['[::ffff:c000:208]', 403, undefined],
  ['[2001:DB8:0::1]', 403, undefined],
  ['0300.0.2.8', 403, undefined],
  ['3221226000', 403, undefined],
  [`${denied}.`, 403, undefined],
])('a request to %s, plain or in a tunnel, is answered with %i', async (host, status, dialled) => {
  await using bench = await world();
  // No URL object, which would normalize odd addresses.
  expect(await get(bench, `http://${host}/`, host)).toBe(status);
  const tunnel = await connectTo(bench, `${host}:443`);
  expect([tunnel.status, bench.dialled]).toEqual([status, dialled ? [`${dialled}:80`, `${dialled}:443`] : []]);
});

test('a user before the host hides none, and opens none', async () => {
  await using bench = await world();
  for (const url of [`http://open.example.test@${denied}/`, `http://${open}:80@${denied}/`])
    expect(await get(bench, url, 'open.example.test')).toBe(400);
  expect((await connectTo(bench, `open.example.test@${denied}:443`)).status).toBe(400);
  expect(await get(bench, 'http://denied.example.test/', 'named.example.test')).toBe(403);
  expect(bench.dialled).toEqual([]);
});

test('SOCKS by address and by name goes by the same rules', async () => {
  await using bench = await world();
  const mapped = [...Array(10).fill(0), 255, 255, 192, 0, 2, 8];
  expect([await socksTo(bench, 1, 192, 0, 2, 8), await socksTo(bench, 4, ...mapped)]).toEqual([2, 2]);
  expect(await socksTo(bench, ...socksName(denied))).toBe(2);
  expect(await socksTo(bench, ...socksName(`::ffff:${denied}`))).toBe(2);
  expect([await socksTo(bench, ...socksName('denied.example.test.')), bench.dialled]).toEqual([2, []]);
  expect(await socksTo(bench, 1, 192, 0, 2, 7)).toBe(0);
  expect(await socksTo(bench, ...socksName('mixed.example.test'))).toBe(0);
  expect(bench.dialled).toEqual(['192.0.2.7:80', `${open}:80`]);
});

test('where an allowed range alone is open, names with an address in it are reached, and no others', async () => {
  await using bench = await world(only);
  expect(await get(bench, 'http://mixed.example.test/')).toBe(200);
  expect(await get(bench, 'http://named.example.test/')).toBe(403);
  expect([await get(bench, 'http://[2001:db8::1]/'), bench.dialled]).toEqual([403, [`${open}:80`]]);
});

test('new rules close the open connections whose addresses they deny, and no others', async () => {
  await using server = await standIn(createTcp());
  const policy: { kind: string; within?: EgressPolicy['within'] } = { kind: 'web' };
  const servers = everywhere(server.port);
  await using bench = await egressBench({ readPolicy: () => policy, names, servers });
  const tunnels = await Promise.all(
    ['open.example.test', 'named.example.test', 'denied.example.test', denied, '192.0.2.7'].map(async (host) => {
      const { socket } = await connectTo(bench, `${host}:443`);
      return socket.resume();
    }),
  );
  const idle = await bench.connect();
  policy.within = rules;
  const [, , goes, goesToo] = tunnels as [Socket, Socket, Socket, Socket, Socket];
  const gone = [once(goes, 'end'), once(goesToo, 'end')];
  await bench.proxy.recheck(session);
  await Promise.all(gone);
  expect(tunnels.map((socket) => socket.readableEnded)).toEqual([false, false, true, true, false]);
  expect(idle.readableEnded).toBe(false);
});

test('a connection that opens while the rules change is decided by the new ones', async () => {
  const dialling = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  await using server = await standIn(createTcp());
  const policy: { kind: string; within?: EgressPolicy['within'] } = { kind: 'web' };
  const resolve = async () => {
    dialling.resolve();
    await answered.promise;
    return [denied];
  };
  await using bench = await egressBench({ readPolicy: () => policy, servers: everywhere(server.port), resolve });
  const pending = connectTo(bench, 'denied.example.test:443');
  await dialling.promise;
  policy.within = rules;
  await bench.proxy.recheck(session);
  answered.resolve();
  expect((await pending).head).toContain('403 egress to denied.example.test:443 refused');
  expect(bench.reports).toEqual([{ host: 'denied.example.test', port: 443, decision: 'refused', rule: 'not chosen' }]);
});
