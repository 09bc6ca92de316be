import { expect, test } from 'vitest';
import { trpcServer } from '../../support/trpc.ts';

// The server answers plain calls without tRPC's adapter. With the header `trpc-accept`, the same call uses the adapter.
// Both answers must be equal.

const encoded = (input: unknown) => encodeURIComponent(JSON.stringify(input));
const id = '0123456789abcdef';
const get = (path: string) => ({ path, init: {} });
const post = (path: string, body: string) => ({ path, init: { method: 'POST', body } });

const asked = {
  'a query': get('sessions.list?input={"limit":2}'),
  'a query without input': get('sessions.list'),
  'a query with an empty input': get('sessions.list?input='),
  'an unknown session': get(`sessions.get?input=${encoded({ id })}`),
  'a wrong input': get(`sessions.get?input=${encoded({ id: 1, extra: true })}`),
  'no input where one is wanted': get('sessions.get'),
  'an input that is no JSON': get('sessions.get?input={'),
  'two inputs': get(`sessions.get?input=${encoded({ id })}&input=2`),
  'an unknown procedure': get('sessions.nothing'),
  'a name that objects have': get('constructor'),
  'a query that is posted': post('sessions.get', JSON.stringify({ id })),
  'a mutation that is got': get('sessions.delete'),
  'a mutation that fails': post('sessions.delete', JSON.stringify({ id })),
  'a mutation with null': post('sessions.delete', 'null'),
  'a mutation without a body': post('sessions.delete', ''),
  'a body that is no JSON': post('sessions.delete', '{'),
  'a batch': get(`sessions.list,sessions.get?batch=1&input=${encoded({ 0: { limit: 1 }, 1: { id } })}`),
  'a batch of failures of one kind': get(
    `sessions.get,sessions.get?batch=1&input=${encoded({ 0: { id }, 1: { id } })}`,
  ),
  'a batch without inputs': get('sessions.list,sessions.list?batch=1'),
  'a batch with a list for its inputs': get(`sessions.list?batch=1&input=${encoded([{ limit: 1 }])}`),
  'a batch of one': post('sessions.delete?batch=1', JSON.stringify({ 0: { id } })),
  'a batch of both kinds': get('sessions.list,sessions.delete?batch=1'),
  'a batch with a stranger': get('sessions.list,nobody.knows?batch=1'),
  'a batch that is none': get('sessions.list,sessions.list'),
  'a batch that says no': get('sessions.list?batch=0'),
  'too many in a batch': get(`${Array(501).fill('sessions.list').join(',')}?batch=1`),
};

test.each(Object.entries(asked))('%s is answered as tRPC answers it', async (_, { path, init }) => {
  await using server = await trpcServer();
  await server.client().sessions.create.mutate({ title: 'One' });
  const answer = async (headers: Record<string, string>) => {
    const response = await fetch(`${server.url}/trpc/${path}`, { ...init, headers });
    const { status } = response;
    const told = ['content-type', 'vary', 'allow', 'content-length'].map((name) => response.headers.get(name));
    return { status, told, body: await response.text() };
  };
  expect(await answer({})).toEqual(await answer({ 'trpc-accept': 'application/json' }));
});

test('a call whose client left is aborted', async () => {
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
