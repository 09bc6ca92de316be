import { text } from 'node:stream/consumers';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call as request } from '../../support/clients/call.ts';
import { type ComposedServer, composedServer } from '../../support/servers/composed.ts';
import { httpServer } from '../../support/servers/http-server.ts';

let open: ComposedServer; // on loopback, whose webhooks reach this machine
let usual: ComposedServer;
const token = 'the-token-of-these-tests';
const base = '/api/v1/webhooks';

beforeAll(async () => {
  open = await composedServer({ CORRAL_TOKEN: token });
  usual = await composedServer({ CORRAL_TOKEN: token, HOST: '0.0.0.0' });
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await usual[Symbol.asyncDispose]();
});

interface Call {
  readonly body?: unknown;
  readonly key?: string;
  readonly server?: ComposedServer;
}
const call = (method: string, path: string, { body, key = token, server = open }: Call = {}) =>
  request(method, server.url + path, { token: key, body });

async function receiver() {
  const got: { readonly body: string; readonly headers: Record<string, string> }[] = [];
  const server = await httpServer(async (request, response) => {
    got.push({ body: await text(request), headers: request.headers as Record<string, string> });
    response.end();
  });
  return { ...server, url: `${server.url}/in`, got };
}
const lastOf = async (id: string, server = open) => (await call('GET', `${base}/${id}/deliveries`, { server })).body[0];

test('a receiver verifies the events of a run, from its start to the deletion of its session', async () => {
  await using program = await receiver();
  const { body: made } = await call('POST', base, { body: { name: 'Program', url: program.url } });
  const verifier = new Webhook(made.secret);
  const { sessions } = open.core.services;
  const session = await sessions.create({ origin: 'trpc', title: 'Greeting' });
  await sessions.send(session.id, { text: 'Say hi', mode: 'queue' });
  const received = () =>
    program.got.map(({ body, headers }) => verifier.verify(body, headers) as { type: string; data: object });
  await expect.poll(() => received().map(({ type }) => type)).toContain('run.ended');
  await sessions.delete(session.id);
  const all = () => received().filter(({ data }) => 'sessionId' in data && data.sessionId === session.id);
  const types = ['run.ended', 'run.started', 'session.created', 'session.deleted'];
  await expect
    .poll(() =>
      all()
        .map(({ type }) => type)
        .sort(),
    )
    .toEqual(types);
  const expected = { outcome: { status: 'completed' }, answer: expect.stringMatching(/^Demo/) };
  expect(all().find(({ type }) => type === 'run.ended')?.data).toMatchObject(expected);
  expect(JSON.stringify(all())).not.toContain('Say hi');
  await call('DELETE', `${base}/${made.id}`);
});

test('a private address is refused where no setting allows it, by its number and by a name', async () => {
  const requested = { name: 'Program', url: 'http://127.0.0.1:1/' };
  const refused = await call('POST', base, { body: requested, server: usual });
  expect(refused.status).toBe(400);
  expect(JSON.stringify(refused.body)).toContain('webhooks.allow-ranges');
  await using program = await receiver();
  const url = program.url.replace('127.0.0.1', 'localhost');
  const { body: made } = await call('POST', base, { body: { ...requested, url }, server: usual });
  await call('POST', `${base}/${made.id}/test`, { server: usual });
  await expect.poll(async () => (await lastOf(made.id, usual)).state).toBe('failed');
  expect((await lastOf(made.id, usual)).error).toContain('webhooks.allow-ranges');
  expect(program.got).toEqual([]);
});

test.each([
  ['an address of another kind', { url: 'file:///etc/passwd' }, 422],
  ['an address with a password', { url: 'https://a:b@example.com/' }, 422],
  ['no event', { events: [] }, 422],
  ['an unknown event', { events: ['run.paused'] }, 422],
  ['a misspelt field', { adress: 'a' }, 422],
  ['a project that does not exist', { projectId: '00000000-0000-4000-8000-00000000dddd' }, 404],
] as const)('%s is refused, and nothing is stored', async (_, wrong, status) => {
  const before = (await call('GET', base)).body.length;
  const body = { name: 'Hook', url: 'https://hooks.example.com/', ...wrong };
  expect((await call('POST', base, { body })).status).toBe(status);
  expect((await call('GET', base)).body).toHaveLength(before);
});

test('one webhook too many is a conflict, which no client repeats, over REST and tRPC', async () => {
  const body = { name: 'Hook', url: 'https://hooks.example.com/' };
  const statuses = [];
  for (let n = 0; n < 21; n++) statuses.push((await call('POST', base, { body, server: usual })).status);
  expect([statuses.at(0), statuses.at(-1)]).toEqual([200, 409]);
  const { status, body: refused } = await call('POST', '/trpc/webhooks.create', { body, server: usual });
  expect([status, refused.error.data]).toEqual([409, expect.objectContaining({ reason: 'quota', retryable: false })]);
});
