import { readFile } from 'node:fs/promises';
import { expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { Secret } from '../../../src/core/text/secret.ts';
import { testServer } from '../../support/clients/http.ts';
import { httpTest as test } from '../../support/clients/server-tests.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { fakeService } from '../../support/egress/fake-service.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { playDemoRun as play } from '../../support/servers/demo-run.ts';

const base = '/api/v1/sessions';
const key = (value: string) => ({ 'idempotency-key': value });
const conflict = { status: 409, body: { code: 409, msg: expect.any(String), data: null } };

test('F095 fifty equal requests at once have one effect; answers are the first or 409', async ({ server }) => {
  const { create } = server.fake.sessions;
  server.fake.instead.create = async (command) => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    return create(command);
  };
  const answers = await Promise.all(Array.from({ length: 50 }, () => server.call('PUT', base, undefined, key('a'))));
  expect(await server.fake.sessions.list()).toHaveLength(1);
  const made = answers.filter(({ status, headers }) => status === 200 && !headers.has('idempotency-replayed'));
  expect(made).toHaveLength(1);
  for (const answer of answers) {
    if (answer.status === 200) expect(answer.body).toEqual(made[0]?.body);
    else expect(answer).toMatchObject(conflict);
  }
});

test('F095 a repeat before the first answer is refused in words by which the page knows to repeat it', async ({
  server,
}) => {
  const { create } = server.fake.sessions;
  const [begun, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  server.fake.instead.create = async (command) => {
    begun.resolve();
    await held.promise;
    return create(command);
  };
  const first = server.call('PUT', base, undefined, key('a'));
  await begun.promise;
  const page = await readFile('src/web/data/server.ts', 'utf8');
  const [, words = 'no words'] = /isUnanswered = .*startsWith\('(.+)'\)/.exec(page) ?? [];
  const repeated = await server.call('PUT', base, undefined, key('a'));
  expect(repeated).toMatchObject({ status: 409, body: { msg: expect.stringContaining(words) } });
  held.resolve();
  expect((await first).status).toBe(200);
});

test('F095 the same key counts separately for each path, query and caller', async () => {
  await using server = await testServer({ config: { token: new Secret('t') } });
  const auth = { authorization: 'Bearer t' };
  const a = await server.call('PUT', base, undefined, { ...auth, ...key('a') });
  const b = await server.call('PUT', `${base}?x=1`, undefined, { ...auth, ...key('a') });
  expect(a.body.data.session_id).not.toBe(b.body.data.session_id);
});

test('F095 a first request that fails without effect frees the key', async ({ server }) => {
  server.fake.instead.create = async () => {
    throw new AppError('sandbox_capacity', 'Full.');
  };
  expect((await server.call('PUT', base, undefined, key('a'))).status).toBe(503);
  delete server.fake.instead.create;
  const second = await server.call('PUT', base, undefined, key('a'));
  expect([second.status, second.headers.get('idempotency-replayed')]).toEqual([200, null]);
});

test('F095 keys survive a restart and expire after a day', async () => {
  const clock = manualClock(1_700_000_000_000);
  const fake = fakeService({ clock });
  const create = async () => {
    await using server = await testServer({ clock, fake, own: true });
    return await server.call('PUT', base, undefined, key('a'));
  };
  const first = await create();
  expect((await create()).body).toEqual(first.body);
  clock.advance(24 * 60 * 60 * 1000 + 1);
  expect((await create()).body).not.toEqual(first.body);
});

test("F095 a repeated chat sends no message and streams the first call's events again", async () => {
  await using server = await testServer({ play });
  const id = SessionId.parse(await server.newSession());
  const chat = (body: unknown, headers: Record<string, string> = {}) =>
    openStream(`${server.url}${base}/${id}/chat`, { method: 'POST', body, headers: { ...key('c'), ...headers } });
  using first = await chat({ message: 'Say hi' });
  await first.ended;
  expect(first.headers['idempotency-replayed']).toBeUndefined();
  using second = await chat({ message: 'Say hi' });
  await second.ended;
  expect(second.headers['idempotency-replayed']).toBe('true');
  expect(second.raw()).toBe(first.raw());
  using resumed = await chat({ message: 'Say hi' }, { 'last-event-id': first.events()[3]?.id ?? '' });
  await resumed.ended;
  expect(resumed.events()).toEqual(first.events().slice(4));
  using other = await chat({ message: 'Say ho' });
  expect(other.status).toBe(409);
  const { events } = await server.fake.sessions.page(id, 0, 1000);
  expect(events.filter(({ type }) => type === 'message.user')).toHaveLength(1);
});

test('F095 a refused chat frees its key', async () => {
  await using server = await testServer({ play });
  const id = await server.newSession();
  server.fake.instead.send = async () => {
    throw new AppError('queue_full', 'Too many messages wait.');
  };
  const body = { message: 'Say hi' };
  const expected = { status: 429, body: { code: 429, msg: 'Too many messages wait.', data: null } };
  expect(await server.call('POST', `${base}/${id}/chat`, body, key('c'))).toMatchObject(expected);
  delete server.fake.instead.send;
  expect((await server.call('POST', `${base}/${id}/chat`, body, key('c'))).body).toContain('event: done');
});

test.for(['', 'a b', 'x'.repeat(256), 'é'])('the key %j is 400', async (value, { server }) => {
  const { status } = await server.call('PUT', base, undefined, key(value));
  expect(status).toBe(400);
  expect(await server.fake.sessions.list()).toHaveLength(0);
});
