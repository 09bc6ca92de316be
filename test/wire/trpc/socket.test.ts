import { expect } from 'vitest';
import { Secret } from '../../../src/core/text/secret.ts';
import { trpcTest as test } from '../../support/clients/server-tests.ts';
import { openWebSocket } from '../../support/clients/sockets.ts';
import { followEvents, trpcServer } from '../../support/clients/trpc.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const info = { id: 1, method: 'query', params: { path: 'system.info' } };
const wsUrl = ({ url }: { url: string }) => `${url.replace('http', 'ws')}/trpc`;
const credential = (data: object | null) => ({ method: 'connectionParams', data });
/** A socket that begins with these frames. */
async function socketWith({ url }: { url: string }, ...frames: object[]) {
  const client = await openWebSocket(`${wsUrl({ url })}?connectionParams=1`);
  for (const frame of frames) client.ws.send(JSON.stringify(frame));
  return client;
}
const protectedServer = (clock = manualClock()) => trpcServer({ clock, config: { token: new Secret('right') } });

test('the socket also serves queries and mutations, in JSON frames', async ({ server }) => {
  using client = await openWebSocket(wsUrl(server));
  client.ws.send(JSON.stringify(info));
  client.ws.send(
    JSON.stringify({ id: 2, method: 'mutation', params: { path: 'sessions.create', input: { title: 'A' } } }),
  );
  await expect.poll(() => client.frames.length).toBe(2);
  expect(client.frames.sort((a, b) => a.id - b.id)).toMatchObject([
    { id: 1, result: { type: 'data', data: { name: 'corral' } } },
    { id: 2, result: { type: 'data', data: { title: 'A', origin: 'trpc' } } },
  ]);
});

test('a token in the connection parameters opens the socket', async () => {
  await using server = await protectedServer();
  using client = await socketWith(server, credential({ token: 'right' }), info);
  await expect.poll(() => client.frames).toMatchObject([{ id: 1, result: { data: { name: 'corral' } } }]);
  server.close.abort();
  expect((await client.closed).code).toBe(1001);
});

test.each([
  ['a wrong token', credential({ token: 'wrong' })],
  ['no token', credential({})],
  ['null', credential(null)],
  ['something else', info],
])('connection parameters with %s close the socket with 1008, without an answer', async (_name, first) => {
  await using server = await protectedServer();
  using client = await socketWith(server, first, info);
  expect([(await client.closed).code, client.frames.filter(({ result }) => result)]).toEqual([1008, []]);
});

test('the socket is closed with 1008 after 5 s without connection parameters, and stays open with them', async () => {
  const clock = manualClock();
  await using server = await protectedServer(clock);
  using silent = await socketWith(server);
  using quick = await socketWith(server, credential({ token: 'right' }), info);
  await expect.poll(() => quick.frames.length).toBe(1);
  clock.advance(4_999);
  quick.ws.send(JSON.stringify(info));
  await expect.poll(() => quick.frames.length).toBe(2);
  expect(silent.ws.readyState).toBe(silent.ws.OPEN);
  clock.advance(1);
  expect((await silent.closed).code).toBe(1008);
  quick.ws.send(JSON.stringify(info));
  await expect.poll(() => quick.frames.length).toBe(3);
});

test('F134 a wrong token in connection parameters counts towards the lockout, and a right one passes a locked address', async () => {
  await using server = await protectedServer();
  for (let guess = 1; guess < 1_000; guess++) await server.call('GET', `/trpc/system.info?token=${guess}`);
  using client = await socketWith(server, credential({ token: 'wrong' }));
  expect((await client.closed).code).toBe(1008);
  expect((await server.call('GET', '/trpc/system.info?token=wrong')).status).toBe(429);
  using admitted = await socketWith(server, credential({ token: 'right' }), info);
  await expect.poll(() => admitted.frames.length).toBe(1);
});

test('malformed frames are errors, and the connection stays open', async ({ server }) => {
  using client = await openWebSocket(wsUrl(server));
  const junk = ['nonsense', '1', '[]', 'null', '{}', '{"id":{}}', '{"id":1,"method":"shout"}'];
  for (const frame of [...junk, `${'['.repeat(99)}${']'.repeat(99)}`]) client.ws.send(frame);
  client.ws.send(Buffer.from('{}'));
  client.ws.send(JSON.stringify(Array(501).fill(info)));
  client.ws.send(JSON.stringify({ ...info, id: 9 }));
  await expect.poll(() => client.frames.some(({ id }) => id === 9)).toBe(true);
  const failed = client.frames.filter(({ error }) => error);
  expect(failed.length).toBeGreaterThan(7);
  for (const { error } of failed) {
    expect(error.data.httpStatus).toBeLessThan(500);
    expect(JSON.stringify(error)).not.toMatch(/stack|node_modules/);
  }
});

test('a socket with a thousand open calls refuses the next one', async ({ server }) => {
  const { id: sessionId } = await server.client().sessions.create.mutate();
  using client = await openWebSocket(wsUrl(server));
  const subscribe = (id: number) =>
    client.ws.send(
      JSON.stringify({ id, method: 'subscription', params: { path: 'events.subscribe', input: { sessionId } } }),
    );
  for (let id = 1; id <= 1_001; id++) subscribe(id);
  await expect
    .poll(() => client.frames.filter(({ error }) => error), { timeout: 45_000 })
    .toMatchObject([{ error: { data: { code: 'TOO_MANY_REQUESTS' } } }]);
  await expect.poll(server.fake.watchers).toBe(1_000);
  client.ws.close();
  await expect.poll(server.fake.watchers).toBe(0);
});

test('a client with a wrong token gets the reason, and stops retrying', async () => {
  await using server = await trpcServer({ config: { token: new Secret('right') } });
  const following = followEvents(server.client('ws', 'wrong'), { sessionId: 'fedcba9876543210' });
  expect(await following.ended).toMatchObject({ message: 'The server refused the token.' });
  const overSse = followEvents(server.client('sse', 'wrong'), { sessionId: 'fedcba9876543210' });
  expect(await overSse.ended).toBeInstanceOf(Error);
  const right = server.client('ws', 'right');
  const { id: sessionId } = await right.sessions.create.mutate();
  const good = followEvents(right, { sessionId });
  await good.started;
});
