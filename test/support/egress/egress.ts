import { once } from 'node:events';
import { mkdtemp } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { SessionId, sandboxIdOf } from '../../../src/core/model/ids.ts';
import { systemDialer } from '../../../src/sandboxes/egress/fetch/guarded-fetch.ts';
import type { EgressPolicy } from '../../../src/sandboxes/egress/policy.ts';
import { createEgressProxy, type EgressProxyOptions } from '../../../src/sandboxes/egress/proxy.ts';
import type { EgressDecision } from '../../../src/sandboxes/egress/session-state.ts';
import { removeFolder } from '../stores/store.ts';

export const session = SessionId.parse('0123456789abcdef');

export interface EgressBenchOptions extends Partial<EgressProxyOptions> {
  policy?: EgressPolicy;
  /** The names and addresses that the resolver knows; all other names do not exist. */
  names?: Record<string, string[]>;
  /** `address:port` → the loopback port of its stand-in. */
  servers?: Record<string, number>;
}

/** The proxy behind a real Unix socket, with stand-ins on loopback as its Internet. */
export async function egressBench(options: EgressBenchOptions) {
  const folder = await mkdtemp(join(tmpdir(), 'corral-egress-'));
  const path = join(folder, 'egress');
  const reports: EgressDecision[] = [];
  const dialled: string[] = [];
  const proxy = createEgressProxy({
    readPolicy: () => options.policy ?? { kind: 'none' },
    readRegistries: () => [],
    onDecision: (_, decision) => reports.push(decision),
    clock: systemClock,
    resolve: async (host) => {
      const addresses = options.names?.[host];
      if (!addresses) throw Object.assign(new Error(`no such name: ${host}`), { code: 'ENOTFOUND' });
      return addresses;
    },
    dial: async (address, port, signal) => {
      dialled.push(`${address}:${port}`);
      const standIn = options.servers?.[`${address}:${port}`];
      if (standIn === undefined) throw Object.assign(new Error('refused'), { code: 'ECONNREFUSED' });
      return systemDialer('127.0.0.1', standIn, signal);
    },
    ...options,
  });
  // Like a driver, this server does not set allowHalfOpen: half-open connections are the proxy's task.
  const accepting = createServer((socket) => proxy.serve(socket, { id: sandboxIdOf(session), sessionId: session }));
  accepting.listen(path);
  await once(accepting, 'listening');
  const other = SessionId.parse('fedcba9876543210');
  const acceptingOther = createServer((socket) => proxy.serve(socket, { id: sandboxIdOf(other), sessionId: other }));
  acceptingOther.listen(`${path}2`);
  await once(acceptingOther, 'listening');
  const opened: Socket[] = [];
  return {
    path,
    reports,
    dialled,
    proxy,
    /** Connects as a client in the first or the other session. */
    async connect(as: 'one' | 'another' = 'one'): Promise<Socket> {
      const socket = connect({ path: as === 'one' ? path : `${path}2`, allowHalfOpen: true }).on('error', () => {});
      opened.push(socket);
      await once(socket, 'connect');
      return socket;
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      for (const socket of opened) socket.destroy();
      accepting.close();
      acceptingOther.close();
      await removeFolder(folder);
    },
  };
}

export const address = '203.0.113.7';
export const names = { 'good.example.test': [address] };
export const allowList = { kind: 'allow-list', entries: ['good.example.test', 'good.example.test:2222'] } as const;

/** A bench whose policy lists `good.example.test`, with these servers at its ports. */
export async function listedBench(servers: Readonly<Record<number, Server>>, more: EgressBenchOptions = {}) {
  await using stack = new AsyncDisposableStack();
  const ports: Record<string, number> = {};
  for (const [port, server] of Object.entries(servers))
    ports[`${address}:${port}`] = stack.use(await standIn(server)).port;
  const bench = stack.use(await egressBench({ policy: allowList, names, servers: ports, ...more }));
  const held = stack.move();
  return { ...bench, [Symbol.asyncDispose]: () => held.disposeAsync() };
}
type Connecting = Pick<Awaited<ReturnType<typeof egressBench>>, 'connect'>;

export async function tunnelTo(bench: Connecting, authority: string): Promise<Socket> {
  const socket = await bench.connect();
  socket.write(`CONNECT ${authority} HTTP/1.1\r\n\r\n`);
  expect(await until(socket, '\r\n\r\n')).toContain(' 200 ');
  return socket;
}

export async function ask(bench: Connecting, head: string): Promise<string> {
  const socket = await bench.connect();
  socket.write(head);
  return rest(socket);
}

/** Starts the server on a free port; the end of the block closes it and all its connections. */
export async function standIn<S extends Server>(server: S): Promise<{ port: number; server: S } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket.on('error', () => {}));
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server,
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The text that the other side sends until it ends the connection. */
export async function rest(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('latin1');
}

/** The text that arrives up to and including `end`. */
export async function until(socket: Socket, end: string): Promise<string> {
  let seen = '';
  while (!seen.includes(end)) {
    const chunk = socket.read() as Buffer | null;
    if (chunk) seen += chunk.toString('latin1');
    else if (socket.readableEnded || socket.destroyed) throw new Error(`ended after ${JSON.stringify(seen)}`);
    else await Promise.race([once(socket, 'readable'), once(socket, 'close'), once(socket, 'end')]);
  }
  return seen;
}
