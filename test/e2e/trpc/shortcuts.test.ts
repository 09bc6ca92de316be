import { once } from 'node:events';
import { expect, test } from 'vitest';
import { shortcuts } from '../../../src/facades/trpc/shortcuts.ts';
import { openWebSocket } from '../../support/sockets.ts';
import { trpcServer } from '../../support/trpc.ts';

// The server answers single calls of a few procedures without tRPC. With the header `trpc-accept`, the same call
// uses the adapter; over a WebSocket, a batch with the one call uses tRPC's handler. Both answers must be equal.

const encoded = (input: unknown) => encodeURIComponent(JSON.stringify(input));
const id = '0123456789abcdef';
const get = (path: string) => ({ path, init: {} });
const post = (path: string, body: string) => ({ path, init: { method: 'POST', body } });

const asked = {
  'a list': get(`sessions.list?input=${encoded({ limit: 2 })}`),
  'a list without input': get('sessions.list'),
  'a list with an empty input': get('sessions.list?input='),
  'a list with a wrong cursor': get(`sessions.list?input=${encoded({ cursor: 'x' })}`),
  'a list of an unknown project': get(`sessions.list?input=${encoded({ projectId: id })}`),
  'a session': get('sessions.get?input=SESSION'),
  'an unknown session': get(`sessions.get?input=${encoded({ id })}`),
  'a wrong input': get(`sessions.get?input=${encoded({ id: 1, extra: true })}`),
  'no input where one is wanted': get('sessions.get'),
  'an input that is no JSON': get('sessions.get?input={'),
  'two inputs': get(`sessions.get?input=${encoded({ id })}&input=2`),
  'an unknown procedure': get('sessions.nothing'),
  'a name that objects have': get('constructor'),
  'a query that is posted': post('sessions.get', JSON.stringify({ id })),
  'a batch': get(`sessions.list,sessions.get?batch=1&input=${encoded({ 0: { limit: 1 }, 1: { id } })}`),
  'a batch of one': get(`sessions.list?batch=1&input=${encoded({ 0: { limit: 1 } })}`),
  'a batch with a list for its inputs': get(`sessions.list?batch=1&input=${encoded([{ limit: 1 }])}`),
  'a batch that is none': get('sessions.list,sessions.list'),
  'a batch that says no': get('sessions.list?batch=0'),
};

test.each(Object.entries(asked))(
  '%s gets the same answer from the shortcut as from tRPC',
  async (_, { path, init }) => {
    await using server = await trpcServer();
    const session = await server.client().sessions.create.mutate({ title: 'One' });
    const url = `${server.url}/trpc/${path.replace('SESSION', encoded({ id: session.id }))}`;
    const answer = async (headers: Record<string, string>) => {
      const response = await fetch(url, { ...init, headers });
      const { status } = response;
      const told = ['content-type', 'vary', 'allow', 'content-length'].map((name) => response.headers.get(name));
      return { status, told, body: await response.text() };
    };
    expect(await answer({})).toEqual(await answer({ 'trpc-accept': 'application/json' }));
  },
);

const framed: Record<string, { path: string; input?: unknown }> = {
  'a session': { path: 'sessions.get', input: 'SESSION' },
  'a list': { path: 'sessions.list' },
  'a list with a wrong cursor': { path: 'sessions.list', input: { cursor: 'x' } },
  'an unknown session': { path: 'sessions.get', input: { id } },
  'a wrong input': { path: 'sessions.get', input: { id: 1, extra: true } },
  'no input where one is wanted': { path: 'sessions.get' },
  'an unknown procedure': { path: 'sessions.nothing' },
};

test.each(Object.entries(framed))(
  'over a WebSocket %s gets the same answer from the shortcut as from tRPC',
  async (_, { path, input }) => {
    await using server = await trpcServer();
    const session = await server.client().sessions.create.mutate({ title: 'One' });
    const frame = { id: 7, method: 'query', params: { path, input: input === 'SESSION' ? { id: session.id } : input } };
    using socket = await openWebSocket(`${server.url.replace('http', 'ws')}/trpc`);
    const answers: string[] = [];
    for (const asked of [frame, [frame]]) {
      const answered = once(socket.ws, 'message');
      socket.ws.send(JSON.stringify(asked));
      answers.push(String((await answered)[0]));
    }
    expect(answers[0]).toBe(answers[1]);
  },
);

test('the tables above cover every procedure with a shortcut', () => {
  const compared = new Set(Object.values(asked).map(({ path }) => path.replace(/\?.*/, '')));
  expect([...shortcuts.keys()].filter((path) => !compared.has(path))).toEqual([]);
  expect(shortcuts.size).toBeGreaterThan(0);
});

test('a call is aborted when its client disconnects', async () => {
  await using server = await trpcServer();
  const aborted = Promise.withResolvers<void>();
  server.fake.instead.health = (signal) => {
    signal.addEventListener('abort', () => aborted.resolve());
    leave.abort();
    return new Promise(() => {});
  };
  const leave = new AbortController();
  await expect(fetch(`${server.url}/trpc/system.info`, { signal: leave.signal })).rejects.toThrow('aborted');
  await aborted.promise;
});
