import { expect, test } from 'vitest';
import { armFailpoints } from '../../../src/core/errors/failpoint.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { testServer } from '../../support/clients/http.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { composedServer } from '../../support/servers/composed.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

const now = '2023-11-14T22:13:20.000Z';
const withServer = () => testServer({ clock: manualClock(Date.parse(now)) });

test('a session can be created with an empty body or none, and reports its desktop', async () => {
  await using server = await withServer();
  for (const body of [undefined, {}, { anything: 1 }]) {
    const { status, body: session } = await server.call('POST', '/sessions', body);
    expect(status).toBe(200);
    const { id } = session;
    expect(session).toEqual({
      id: expect.stringMatching(/^[0-9a-f]{16}$/),
      container_id: `sbx-${id}`,
      vnc_port: null,
      status: 'active',
      created_at: now,
      session_id: id,
      vnc_url: `/api/v1/sessions/${id}/vnc`,
    });
    expect((await server.call('GET', `/sessions/${id}`)).body).toEqual(session);
    expect((await server.fake.sessions.get(id)).origin).toBe('cambioml');
  }
});

test.each(['{"a":', '[]', '7', 'null'])('a body that is %s is 422', async (body) => {
  await using server = await withServer();
  const expected = { status: 422, body: { detail: [{ loc: ['body'] }] } };
  expect(await server.call('POST', '/sessions', body)).toMatchObject(expected);
});

test.each([
  ['created', 'active'],
  ['running', 'active'],
  ['stopped', 'inactive'],
  ['not_found', 'error'],
] as const)('a session whose sandbox is %s is %s', async (sandboxState, status) => {
  await using server = await withServer();
  const { id } = (await server.call('POST', '/sessions')).body;
  const record = await server.fake.sessions.get(id);
  server.fake.instead.get = async () => ({ ...record, sandboxState });
  expect((await server.call('GET', `/sessions/${id}`)).body.status).toBe(status);
});

test('a session whose sandbox cannot start is in error until a sandbox starts', { tags: ['all'] }, async () => {
  await using server = await composedServer();
  const ask = async (method: string, path: string) =>
    (await (await fetch(server.url + path, { method })).json()) as { id: string; status: string };
  let id: string;
  {
    using _broken = armFailpoints('driver.create.before=throw', { exit: () => {} });
    ({ id } = await ask('POST', '/sessions'));
    await expect.poll(async () => (await ask('GET', `/sessions/${id}`)).status).toBe('error');
  }
  await ask('POST', `/api/v1/sandbox/${id}/start`);
  expect((await ask('GET', `/sessions/${id}`)).status).toBe('active');
});

test('the list shows each session the same way as its own route does, newest first', async () => {
  const clock = manualClock(Date.parse(now));
  await using server = await testServer({ clock });
  const first = (await server.call('POST', '/sessions')).body;
  clock.advance(1_000);
  const second = (await server.call('POST', '/sessions')).body;
  await server.fake.sessions.send(first.id, { text: 'Newer word, older session', mode: 'inject' });
  expect(await (await fetch(`${server.url}/sessions`)).json()).toEqual([second, first]);
  expect((await server.call('GET', `/sessions/${second.id}`)).body).toEqual(second);
});

test("the history is a bare array of the user's and the agent's messages, oldest first", async () => {
  await using server = await withServer();
  const { id } = (await server.call('POST', '/sessions')).body;
  const { runId, messageId } = await server.fake.sessions.send(SessionId.parse(id), { text: 'Say hi', mode: 'inject' });
  await server.fake.say(SessionId.parse(id), ...demoRun(runId));
  const messages = (await (await fetch(`${server.url}/sessions/${id}/history`)).json()) as Record<string, unknown>[];
  expect(messages.map(({ role, content }) => [role, content])).toEqual([
    ['user', 'Say hi'],
    ['assistant', 'Working on it: Say hi'],
    ['assistant', 'It says hi.'],
    ['assistant', 'All done: hi'],
  ]);
  expect(messages[0]).toEqual({
    id: messageId,
    session_id: id,
    role: 'user',
    content: 'Say hi',
    timestamp: now,
    metadata: { run_id: runId, seq: 1 },
  });
});
