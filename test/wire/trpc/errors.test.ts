// @module-tag all

import { expect } from 'vitest';
import { appRouter } from '../../../src/api/router.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { inputOf } from '../../core/facades/caller-inputs.ts';
import type { Targets } from '../../core/facades/caller-targets.ts';
import { trpcTest as test } from '../../support/clients/server-tests.ts';
import { followEvents, type TrpcServer, trpcServer } from '../../support/clients/trpc.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

type Kind = 'query' | 'mutation' | 'subscription';
const kindOf = (name: string): Kind =>
  (appRouter._def.procedures as unknown as Record<string, { _def: { type: Kind } }>)[name]?._def.type as Kind;

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: a test says what it expects
  readonly error: any;
  readonly text: string;
}

/**
 * Sends a call as a client does, but with any input. For a subscription, returns the first event after the greeting.
 */
async function call(server: TrpcServer, name: string, input: unknown): Promise<Answer> {
  const json = JSON.stringify(input);
  const kind = kindOf(name);
  const path = `/trpc/${name}`;
  const query = json === undefined ? path : `${path}?input=${encodeURIComponent(json)}`;
  if (kind === 'subscription') return await firstOf(server.url + query);
  const { status, body } = await (kind === 'mutation' ? server.call('POST', path, json) : server.call('GET', query));
  return { status, error: body.error, text: JSON.stringify(body) };
}

async function firstOf(url: string): Promise<Answer> {
  const hangUp = new AbortController();
  const response = await fetch(url, { signal: hangUp.signal });
  let text = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (/event: serialized-error\ndata: .*\n/.test(text)) break;
    if (/\ndata: \{"(type|seq)/.test(text)) break;
  }
  hangUp.abort();
  const failed = /event: serialized-error\ndata: (.*)\n/.exec(text)?.[1];
  const error = failed === undefined ? undefined : JSON.parse(failed);
  return { status: error?.data.httpStatus ?? response.status, error, text };
}

const oddIds = (taken: string) => [
  uuid,
  taken.toUpperCase().replace(/^\d+$/, 'A'),
  `${taken} `,
  `${taken}/..`,
  '..',
  '.',
  '',
  'x'.repeat(128),
  '__proto__',
  'constructor',
  '../../etc/passwd',
  'a\0b',
  '😀',
];

const names = Object.keys(appRouter._def.procedures);
/**
 * A fourth of the cases: all procedures read their input with the same schemas, so together they meet each case often.
 */
const shareOf = (name: string, cases: readonly unknown[]) =>
  cases.filter((_, index) => index % 4 === names.indexOf(name) % 4);
const uuid = '00000000-0000-4000-8000-000000000000';
const targets = {
  sid: 'aaaaaaaaaaaaaaaa',
  project: uuid,
  terminal: 'shell_00000000',
  person: 'nobody',
} as Partial<Targets> as Targets;
/**
 * The field that names the session or project of a procedure; a field that accepts several kinds of ids is left out.
 */
function fieldOf(name: string): string | undefined {
  const input = inputOf(name, targets);
  return 'of' in input ? undefined : Object.entries(input).find(([, id]) => id === targets.sid || id === uuid)?.[0];
}
// The drivers of this test cannot copy files, so these procedures are refused before they look up the session.
const refusedEarly = ['sandbox.fork', 'snapshots.create'];

test.for(names.filter((name) => fieldOf(name) && !refusedEarly.includes(name)))(
  'F105 %s answers 404 to unknown ids',
  async (name, { server }) => {
    const client = server.client();
    const { id: taken } = await client.sessions.create.mutate();
    const { id: deleted } = await client.sessions.create.mutate();
    await client.sessions.delete.mutate({ id: deleted });
    const [field = 'id', input] = [fieldOf(name), inputOf(name, targets)];
    for (const id of [...shareOf(name, oddIds(taken)).filter((id) => id !== taken), 'fedcba9876543210', deleted]) {
      const { status, error, text } = await call(server, name, { ...input, [field]: id });
      expect([status, error?.data.code], JSON.stringify(id)).toEqual([404, 'NOT_FOUND']);
      expect(text).not.toMatch(/\bat .*:\d+:\d+|node_modules/);
    }
    expect((await client.sessions.list.query()).items.map(({ id }) => id)).toEqual([taken]);
  },
);

const junk: unknown[] = [
  null,
  1,
  'text',
  [],
  [{}],
  true,
  {},
  { id: 1, sessionId: {}, projectId: [] },
  { id: null, sessionId: null },
  JSON.parse('{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}'),
];

test.for(names)('%s answers junk without a 5xx, and refuses unknown input', async (name, { server }) => {
  const { id } = await server.client().sessions.create.mutate();
  const { id: project } = await server.client().projects.create.mutate({ name: 'One' });
  const field = fieldOf(name);
  const known = inputOf(name, { ...targets, sid: id, project });
  const takesNothing = ['system.info', 'sessions.watch'].includes(name);
  for (const provided of [...shareOf(name, junk), ...(field ? [{ ...known, [field]: 7 }] : [])]) {
    if (takesNothing) continue;
    const { status } = await call(server, name, provided);
    expect([200, 400], JSON.stringify(provided)).toContain(status);
  }
  expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  if (takesNothing) return;
  const { status, error } = await call(server, name, { ...known, surprise: true });
  expect([status, error?.data.code, error?.data.reason]).toEqual([400, 'BAD_REQUEST', 'invalid_request']);
  expect(error.message).toContain('surprise');
  expect(server.lines.filter(({ level }) => level === 'error')).toEqual([]);
});

test.for<[string, Record<string, unknown>]>([
  ['runs.send', { text: '' }],
  ['runs.send', { text: ' \n\t ' }],
  ['runs.send', { text: 'x'.repeat(200_001) }],
  ['runs.send', { text: 'a', mode: 'shout' }],
  ['runs.send', { text: 'a', clientMessageId: '' }],
  ['sandbox.exec', { command: 'a\0b' }],
  ['sandbox.exec', { command: 'true', timeoutMs: 0 }],
  ['files.read', { path: 'a\0b' }],
  ['files.read', { path: '../../etc/passwd' }],
  ['files.write', { path: '/etc/passwd', content: '' }],
  ['events.list', { limit: 1_001 }],
  ['events.list', { afterSeq: -1 }],
  ['processes.logs', { pid: 1, lines: 0 }],
])('%s refuses %j', async ([name, input], { server }) => {
  const { id: sessionId } = await server.client().sessions.create.mutate();
  const expected = { status: 400, error: { code: -32600, data: { code: 'BAD_REQUEST', httpStatus: 400 } } };
  expect(await call(server, name, { sessionId, ...input })).toMatchObject(expected);
});

test.for(['limit', 'cursor', 'status'])('sessions.list refuses a bad %s', async (field, { server }) => {
  const bad = { limit: 501, cursor: 'first', status: 'asleep' }[field];
  expect((await call(server, 'sessions.list', { [field]: bad })).status).toBe(400);
});

const nothing = 'nothing sessions sessions.nothing sessions.get.query sessions.constructor.name toString _def .. a,b';
test.for([...nothing.split(' '), '__proto__', 'constructor', 'sessions.__proto__'])(
  'the unknown procedure %s is 404',
  async (name, { server }) => {
    const path = `/trpc/${name === '..' ? '%2e%2e%2f' : name}`;
    const expected = { status: 404, body: { error: { data: { code: 'NOT_FOUND' } } } };
    expect(await server.call('GET', path)).toMatchObject(expected);
    expect(await server.call('POST', path, '{}')).toMatchObject(expected);
  },
);

test('the wrong method is 405, with the right one', async ({ server }) => {
  const posted = await server.call('POST', '/trpc/system.info', {});
  const expected = [405, 'GET', 'METHOD_NOT_SUPPORTED'];
  expect([posted.status, posted.headers.get('allow'), posted.body.error.data.code]).toEqual(expected);
  const got = await server.call('GET', '/trpc/sessions.create');
  expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
  const put = await server.call('PUT', '/trpc/sessions.create', {});
  expect([put.status, put.headers.get('allow'), put.body.error.data.code]).toEqual([
    405,
    'GET, POST',
    'METHOD_NOT_SUPPORTED',
  ]);
});

test('a malformed tRPC request is refused with a tRPC error', async () => {
  await using server = await trpcServer({ config: { maxBodyBytes: 1_000 } });
  const post = (body: string) => server.call('POST', '/trpc/sessions.create', body);
  const deep = `${'['.repeat(200)}${']'.repeat(200)}`;
  expect((await post(deep)).body.error.message).toContain('deeper than 64');
  for (const body of ['{', 'nonsense', deep, `[${'1,'.repeat(60)}`]) {
    const expected = { status: 400, body: { error: { data: { code: expect.any(String) } } } };
    expect(await post(body), body).toMatchObject(expected);
  }
  expect(await post(`"${'x'.repeat(1_000)}"`)).toMatchObject({
    status: 413,
    body: { error: { data: { code: 'PAYLOAD_TOO_LARGE', httpStatus: 413 } } },
  });
  expect(await server.call('GET', '/trpc/sessions.list?input=%7B')).toMatchObject({
    status: 400,
    body: { error: { message: 'The request could not be read.', data: { code: 'BAD_REQUEST' } } },
  });
  const many = Array(501).fill('system.info').join(',');
  expect(await server.call('GET', `/trpc/${many}?batch=1`)).toMatchObject({ status: 400 });
  expect((await server.call('GET', '/trpc')).status).toBe(426);
  expect(await server.client().system.info.query()).toMatchObject({ name: 'corral' });
});

test('a subscription refused by the rate limit starts when the minute ends', async () => {
  const clock = manualClock(1_700_000_040_000);
  await using server = await trpcServer({ clock, config: { rateLimitPerMinute: 1 } });
  const client = server.client('sse');
  const { id: sessionId } = await client.sessions.create.mutate();
  const following = followEvents(client, { sessionId });
  await expect.poll(() => server.requests.map(({ status }) => status)).toContain(429);
  clock.advance(60_000);
  expect(await Promise.race([following.started.then(() => 'started'), following.ended])).toBe('started');
});

test('a bug is logged with all details, the answer has none, and no stack leaves the server', async ({ server }) => {
  server.fake.instead.create = () => Promise.reject(new Error('password=hunter2'));
  const { status, text, error } = await call(server, 'sessions.create', {});
  expect([status, error]).toEqual([
    500,
    {
      message: 'Internal server error',
      code: -32603,
      data: {
        code: 'INTERNAL_SERVER_ERROR',
        httpStatus: 500,
        path: 'sessions.create',
        reason: 'internal',
        retryable: false,
      },
    },
  ]);
  expect(text).not.toMatch(/hunter2|stack/);
  const logged = server.lines.find(({ text }) => text === 'procedure failed');
  expect(String(logged?.fields.err)).toContain('hunter2');
  server.fake.instead.list = async () => [{ id: 7, latestMessageAt: 0, createdAt: 0, updatedAt: 0 } as never];
  const expected = { status: 500, error: { message: 'Internal server error' } };
  expect(await call(server, 'sessions.list', undefined)).toMatchObject(expected);
});

test('a subscription that fails later sends only its error code', async ({ server }) => {
  const client = server.client('ws');
  const { id: sessionId } = await client.sessions.create.mutate();
  // biome-ignore lint/correctness/useYield: it fails before it has anything
  server.fake.instead.follow = async function* () {
    throw new Error('password=hunter2');
  };
  const failed = Promise.withResolvers<unknown>();
  client.events.subscribe.subscribe({ sessionId }, { onError: failed.resolve });
  const error = await failed.promise;
  expect(error).toMatchObject({ message: 'Internal server error', data: { reason: 'internal' } });
  expect(JSON.stringify(error)).not.toMatch(/hunter2/);
});

test('without the right token every call is refused, and with it every call is answered', async () => {
  await using server = await trpcServer({ config: { token: new Secret('right') } });
  await expect(server.client().sessions.list.query()).rejects.toMatchObject({
    data: { code: 'UNAUTHORIZED', httpStatus: 401 },
  });
  expect((await server.client('sse', 'right').sessions.list.query()).items).toEqual([]);
  expect((await server.call('GET', '/trpc/system.info?token=right')).status).toBe(200);
  const parameters = encodeURIComponent('{"token":"right"}');
  expect((await server.call('GET', `/trpc/system.info?connectionParams=${parameters}`)).status).toBe(200);
  expect((await server.call('GET', `/api/v1/sessions?connectionParams=${parameters}`)).status).toBe(401);
  const logged = JSON.stringify(server.lines);
  expect(logged).toContain('connectionParams=***');
  expect(logged).not.toMatch(/right/);
});
