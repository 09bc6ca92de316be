// @module-tag all

import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { testServer } from '../../support/clients/http.ts';
import { serverTest } from '../../support/clients/server-tests.ts';
import { openStream } from '../../support/clients/sse-client.ts';
import { demoRun, playDemoRun as play } from '../../support/servers/demo-run.ts';

const title = (n: number) => ({ type: 'title', runId: null, data: { title: `${n}` } }) as const;
const test = serverTest(() => testServer({ play }))
  .extend('id', async ({ server }) => SessionId.parse(await server.newSession()))
  .extend('path', ({ id }) => `/api/v1/sessions/${id}`)
  .extend('url', ({ server, path }) => server.url + path);

test.for(['-1', 'abc', '01', '1.5', '12345678901234567', '1 ', '0x1', '1e3', '٣'])(
  'F088 the malformed cursor %j is 400 in header, query and body',
  async (cursor, { server, path }) => {
    const answers = [
      await server.call('GET', `${path}/events?last_event_id=${encodeURIComponent(cursor)}`),
      await server.call('POST', `${path}/chat`, { event_id: cursor }),
      ...(/^[\x21-\x7e]+$/.test(cursor)
        ? [await server.call('GET', `${path}/events`, undefined, { 'last-event-id': cursor })]
        : []),
    ];
    for (const { status, body } of answers) expect([status, body.code, body.data]).toEqual([400, 400, null]);
  },
);

test('F088 a cursor ahead of the log gets a resync; the stream continues after the log', async ({
  server,
  id,
  url,
}) => {
  await server.fake.say(id, title(1), title(2), title(3));
  using stream = await openStream(`${url}/events?last_event_id=9999999999999999`);
  await expect.poll(() => stream.events().length).toBe(1);
  await server.fake.say(id, title(4));
  await expect
    .poll(() => stream.events().map(({ id, event }) => [id, event]))
    .toEqual([
      ['3', 'resync'],
      ['4', 'title'],
    ]);
  expect(stream.events()[0]?.data).toEqual({
    event_id: '3',
    timestamp: expect.any(Number),
    reason: 'cursor_ahead',
    oldest_event_id: '1',
    latest_event_id: '3',
  });
});

test('F088 a chat whose cursor is ahead gets a resync and still ends with its run', async ({ url }) => {
  const chat = (body: object) => openStream(`${url}/chat`, { method: 'POST', body });
  using first = await chat({ message: 'Say hi', event_id: '5000' });
  expect([await first.ended, first.events()[0]?.event]).toEqual(['ended', 'resync']);
  using idle = await chat({ event_id: '5000' });
  expect([await idle.ended, idle.events().map(({ event }) => event)]).toEqual(['ended', ['resync']]);
});

test('F088 compacted deltas cause no resync on a stream that shows no deltas', async ({ server, id, url }) => {
  using run = await openStream(`${url}/chat`, { method: 'POST', body: { message: 'Say hi' } });
  await run.ended;
  await server.fake.store.events.compact(id, { keepDroppable: 0, keepAll: 1000 });
  using again = await openStream(`${url}/events?last_event_id=1`);
  await expect.poll(() => again.events().length).toBe(run.events().length);
  expect(again.raw()).toBe(run.raw());
});

test('a stream without a cursor starts with the active run, except its user message', async () => {
  await using server = await testServer();
  const id = SessionId.parse(await server.newSession());
  const { runId } = await server.fake.sessions.send(id, { text: 'Say hi', mode: 'inject' });
  await server.fake.say(id, ...demoRun(runId).slice(0, 6));
  using stream = await openStream(`${server.url}/api/v1/sessions/${id}/events`);
  await expect.poll(() => stream.events().map(({ event }) => event)).toEqual(['title', 'message', 'plan', 'step']);
});

test('an event stream shows user messages, and stays open after a run ends', async ({ server, id, url }) => {
  using stream = await openStream(`${url}/events`);
  for (const runs of [1, 2]) {
    await server.fake.sessions.send(id, { text: 'Say hi', mode: 'inject' });
    await expect.poll(() => stream.events().filter(({ event }) => event === 'done').length).toBe(runs);
  }
  const users = stream.events().filter(({ data }) => data.role === 'user');
  expect(users.map(({ data }) => data.content)).toEqual(['Say hi', 'Say hi']);
});
