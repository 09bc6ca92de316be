import { readdir, readFile } from 'node:fs/promises';
import { beforeEach, expect, test, vi } from 'vitest';
import type { Middleware } from '../../../../src/facades/trpc/middlewares.ts';
import { shortcuts } from '../../../../src/facades/trpc/shortcuts.ts';
import { followEvents, type TrpcServer, transports, trpcServer } from '../../../support/trpc.ts';

// Every procedure of this file's server has one more middleware, which records the calls.

const { ran } = vi.hoisted(() => ({ ran: [] as string[] }));
vi.mock('../../../../src/facades/trpc/middlewares.ts', async (original) => {
  const { middlewares } = await original<typeof import('../../../../src/facades/trpc/middlewares.ts')>();
  const record: Middleware = ({ type, path }) => void ran.push(`${type} ${path}`);
  return { middlewares: [...middlewares, record] };
});
beforeEach(() => void ran.splice(0));

const asks: Record<string, { path: string; ask: (server: TrpcServer) => Promise<unknown> }> = {
  'a call through the adapter': { path: 'system.info', ask: ({ call }) => call('GET', '/trpc/system.info') },
  'a call that takes the shortcut': { path: 'sessions.list', ask: ({ call }) => call('GET', '/trpc/sessions.list') },
  'a batch': { path: 'sessions.list', ask: ({ call }) => call('GET', '/trpc/sessions.list?batch=1') },
  'a call over the client of HTTP': { path: 'sessions.list', ask: (server) => server.client().sessions.list.query() },
  'a call over a WebSocket without a shortcut': {
    path: 'system.info',
    ask: (server) => server.client('ws').system.info.query(),
  },
  'a call over a WebSocket': { path: 'sessions.list', ask: (server) => server.client('ws').sessions.list.query() },
};

test.each(Object.entries(asks))('a middleware runs once for %s', async (_, { path, ask }) => {
  await using server = await trpcServer();
  await ask(server);
  expect(ran).toEqual([`query ${path}`]);
});

test('sessions.list takes the shortcut, and system.info does not', () => {
  expect([...shortcuts.keys()]).toContain('sessions.list');
  expect([...shortcuts.keys()]).not.toContain('system.info');
});

test('no middleware stands outside the list, where a shortcut would miss it', async () => {
  const folder = new URL('../../../../src/facades/trpc/', import.meta.url);
  const uses: string[] = [];
  for (const file of await readdir(folder)) {
    const text = await readFile(new URL(file, folder), 'utf8');
    uses.push(...[...text.matchAll(/\.(use|concat|unstable_concat|experimental_caller)\(/g)].map(() => file));
  }
  expect(uses.filter((file) => file !== 'http.ts')).toEqual(['base.ts', 'base.ts']); // the list's, and the stack's
});

test.each(transports)(
  'a middleware runs once for a mutation and once for a subscription over %s',
  async (transport) => {
    await using server = await trpcServer();
    const client = server.client(transport);
    const { id } = await client.sessions.create.mutate();
    const following = followEvents(client, { sessionId: id });
    await following.started;
    expect(ran).toEqual(['mutation sessions.create', 'subscription events.subscribe']);
  },
);
