import { expect } from 'vitest';
import type { SessionFact } from '../../../src/core/model/events.ts';
import { type RunId, SessionId } from '../../../src/core/model/ids.ts';
import { testServer } from '../../support/clients/http.ts';
import { serverTest } from '../../support/clients/server-tests.ts';
import { openStream, type SeenEvent, type SseClient } from '../../support/clients/sse-client.ts';
import { runEnd } from '../../support/egress/fake-service.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { demoRun, playDemoRun as play } from '../../support/servers/demo-run.ts';

const now = 1_700_000_000;
const names = (stream: SseClient) => stream.events().map(({ event }) => event);
const ids = (events: SeenEvent[]) => events.map(({ id }) => Number(id));
const whole = 'title message plan step tool tool step message plan message done'.split(' ');

async function start(options: Parameters<typeof testServer>[0] = {}) {
  const server = await testServer(options);
  const sid = await server.newSession();
  const id = SessionId.parse(sid);
  const { sessions } = server.fake;
  const chat = (body: unknown, headers: Record<string, string> = {}) =>
    openStream(`${server.url}/api/v1/sessions/${sid}/chat`, { method: 'POST', body, headers });
  return {
    server,
    sid,
    id,
    chat,
    /** A chat whose stream the server has ended. */
    async finished(...of: Parameters<typeof chat>) {
      const stream = await chat(...of);
      expect(await stream.ended).toBe('ended');
      return stream;
    },
    say: (...facts: SessionFact[]) => server.fake.say(id, ...facts),
    send: async (text: string) => (await sessions.send(id, { text, mode: 'inject' })).runId,
    activeRun: async () => (await sessions.activeRun(id))?.runId as RunId,
    lastSeq: async () => (await sessions.get(id)).lastSeq,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
const test = serverTest(() => start());
const playing = serverTest(() => start({ play }));
const wait = (runId: RunId) => ({ type: 'run.wait', runId, data: { question: 'Which?' } }) as const;
const broke = (runId: RunId) => ({ type: 'run.error', runId, data: { error: 'It broke.' } }) as const;

playing('the chat stream starts after its message and ends with the `done` of the run', async ({ server: it }) => {
  expect(names(await it.finished({ message: 'Say hi' }))).toEqual(whole);
});

playing(
  'earlier events are streamed to a cursor alone, and an earlier `done` ends no stream',
  async ({ server: it }) => {
    const first = await it.finished({ message: 'Say hi' });
    const dones = (stream: SseClient) => names(stream).filter((name) => name === 'done').length;
    expect(dones(await it.finished({ message: 'Again' }))).toBe(1);
    const event_id = ids(first.events()).at(-2)?.toString();
    expect(dones(await it.finished({ message: 'Once more', event_id }))).toBe(3);
  },
);

test('the stream of a queued message does not end when the previous run ends', async ({ server: it }) => {
  const runId = await it.send('First');
  using stream = await it.chat({ message: 'Second', mode: 'queue' });
  await it.say(runEnd(runId, 'completed'));
  await expect.poll(() => names(stream)).toEqual(['done']);
  const queued = (await it.server.fake.sessions.page(it.id, 0, 100)).events.at(2);
  await it.say(runEnd(queued?.runId as RunId, 'completed'));
  expect([await stream.ended, names(stream)]).toEqual(['ended', ['done', 'done']]);
});

test('a message injected into the active run streams to the end of that run', async ({ server: it }) => {
  const runId = await it.send('First');
  using stream = await it.chat({ message: 'And this' });
  await it.say(broke(runId), runEnd(runId, 'failed'));
  expect([await stream.ended, names(stream)]).toEqual(['ended', ['error']]);
});

test('the service gets `mode: replace`', async ({ server: it }) => {
  await it.send('First');
  using _stream = await it.chat({ message: 'Instead', mode: 'replace' });
  await expect.poll(it.lastSeq).toBe(5);
  const { events } = await it.server.fake.sessions.page(it.id, 2, 1);
  expect(events[0]).toMatchObject({ type: 'run.end', data: { reason: 'superseded' } });
});

test('a question ends the stream with `wait`, and the answer continues the same run', async ({ server: it }) => {
  const runId = await it.send('First');
  using requested = await it.chat({ event_id: '1' });
  await it.say(wait(runId));
  expect([await requested.ended, names(requested)]).toEqual(['ended', ['wait']]);
  using answered = await it.chat({ message: 'That one' });
  await it.say(runEnd(runId, 'completed'));
  expect([await answered.ended, names(answered)]).toEqual(['ended', ['done']]);
});

test('a run that fails without an error event still ends the stream', async ({ server: it }) => {
  using stream = await it.chat({ message: 'Work' });
  await it.say(runEnd(await it.activeRun(), 'failed'));
  expect([await stream.ended, stream.raw()]).toEqual(['ended', ': connected\n\n']);
});

playing.for([
  ['no body', undefined],
  ['null', { message: null }],
  ['blanks', { message: ' \n ' }],
] as const)('a chat with %s reconnects: without a run its stream ends, empty', async ([, body], { server: it }) => {
  await it.finished({ message: 'Say hi' });
  const before = await it.lastSeq();
  expect((await it.finished(body)).raw()).toBe(': connected\n\n');
  expect(await it.lastSeq()).toBe(before);
});

test('a reconnect during a run streams that run from its start to its end', async ({ server: it }) => {
  const facts = demoRun(await it.send('Say hi'));
  await it.say(...facts.slice(0, 6));
  using stream = await it.chat({});
  await it.say(...facts.slice(6));
  expect([await stream.ended, names(stream)]).toEqual(['ended', whole]);
});

playing('a reconnect with a cursor after the run gets the missed events and ends', async ({ server: it }) => {
  const seen = ids((await it.finished({ message: 'Say hi' })).events());
  expect(ids((await it.finished({ event_id: String(seen[4]) })).events())).toEqual(seen.slice(5));
  expect((await it.finished({ event_id: String(seen.at(-1)) })).events()).toEqual([]);
});

test('a reconnect to a waiting session gets the missed events and ends', async ({ server: it }) => {
  await it.say(wait(await it.send('First')));
  expect(names(await it.finished({ event_id: '1' }))).toEqual(['wait']);
  expect((await it.finished({ event_id: '3' })).events()).toEqual([]);
});

playing('the later cursor of header and body wins', async ({ server: it }) => {
  const seen = ids((await it.finished({ message: 'Say hi' })).events());
  const [early, late] = [String(seen[1]), String(seen[6])];
  for (const [header, body] of [
    [early, late],
    [late, early],
    ['', late],
  ] as const) {
    const stream = await it.finished({ event_id: body }, { 'last-event-id': header });
    expect(ids(stream.events())).toEqual(seen.slice(7));
  }
});

test('a retry sends no second message: its stream and its end equal the first, from its cursor on', async () => {
  const clock = manualClock(now * 1000);
  await using it = await start({ clock, play });
  const body = { message: 'Say hi', timestamp: now };
  const seen = ids((await it.finished(body)).events());
  const before = await it.lastSeq();
  clock.advance(9 * 60_000);
  for (const had of [0, 3, seen.length]) {
    const again = await it.finished(body, had > 0 ? { 'last-event-id': String(seen[had - 1]) } : {});
    expect(ids(again.events())).toEqual(seen.slice(had));
  }
  expect(await it.lastSeq()).toBe(before);
});

test('twenty equal requests at once create one message', async () => {
  await using it = await start({ clock: manualClock(now * 1000), play });
  const { send } = it.server.fake.sessions;
  it.server.fake.instead.send = async (...command) => {
    await new Promise((resolve) => setTimeout(resolve, 20)); // time for the other requests to arrive
    return send(...command);
  };
  const streams = await Promise.all(
    Array.from({ length: 20 }, () => it.finished({ message: 'Say hi', timestamp: now })),
  );
  const { events } = await it.server.fake.sessions.page(it.id, 0, 1000);
  expect(events.filter(({ type }) => type === 'message.user')).toHaveLength(1);
  for (const stream of streams) expect(names(stream)).toEqual(whole);
});

test.each([
  ['other text', { message: 'Say ho', timestamp: now }, 0],
  ['another clock reading', { message: 'Say hi', timestamp: now + 1 }, 0],
  ['no clock reading', { message: 'Say hi' }, 0],
  ['ten minutes in between', { message: 'Say hi', timestamp: now }, 10 * 60_000],
])('a message with %s is a new message', async (_name, body, later) => {
  const clock = manualClock(now * 1000);
  await using it = await start({ clock, play });
  await it.finished({ message: 'Say hi', timestamp: now });
  clock.advance(later);
  const before = await it.lastSeq();
  await it.finished(body);
  expect(await it.lastSeq()).toBeGreaterThan(before);
});

test('a message with a timestamp 11 minutes off is never taken for a retry', async () => {
  await using it = await start({ clock: manualClock(now * 1000), play });
  for (const seq of [1, 20]) {
    await it.finished({ message: 'Say hi', timestamp: now - 11 * 60 });
    expect(await it.lastSeq()).toBeGreaterThan(seq);
  }
});

test('a retry is recognised even after a thousand newer events', async () => {
  await using it = await start({ clock: manualClock(now * 1000) });
  using first = await it.chat({ message: 'Say hi', timestamp: now });
  const runId = await it.activeRun();
  await it.say(...Array.from({ length: 1000 }, () => ({ type: 'title', runId, data: { title: 'T' } }) as const));
  await it.say(runEnd(runId, 'completed'));
  await first.ended;
  const before = await it.lastSeq();
  expect((await it.finished({ message: 'Say hi', timestamp: now })).events()).toHaveLength(1001);
  expect(await it.lastSeq()).toBe(before);
});

test.for([
  [{ message: 7 }, 'message'],
  [{ message: 'x'.repeat(200_001) }, 'message'],
  [{ message: 'x', timestamp: -1 }, 'timestamp'],
  [{ message: 'x', timestamp: 1.5 }, 'timestamp'],
  [{ message: 'x', timestamp: '1' }, 'timestamp'],
  [{ message: 'x', event_id: 7 }, 'event_id'],
  [{ message: 'x', mode: 'shout' }, 'mode'],
  [{ message: 'x', attachments: [7] }, 'attachments'],
  [[], 'body'],
] as const)('a chat with %j is refused, and appends nothing', async ([body, field], { server: it }) => {
  const { status, body: answer } = await it.server.call('POST', `/api/v1/sessions/${it.sid}/chat`, body);
  expect(status).toBe(400);
  expect(answer).toMatchObject({ code: 400, data: null, msg: expect.stringContaining(field) });
  expect(await it.lastSeq()).toBe(0);
});

test("the log records the ids of the attachments and the client's timestamp", async () => {
  await using it = await start({ clock: manualClock(now * 1000) });
  using _stream = await it.chat({ message: 'Look', timestamp: now, attachments: ['a.txt', { file_id: 'b' }] });
  const { events } = await it.server.fake.sessions.page(it.id, 0, 1);
  expect(events[0]?.data).toMatchObject({ attachments: ['a.txt', 'b'], clientTimestamp: now });
});

test('closing a stream does not stop the run', async ({ server: it }) => {
  (await it.chat({ message: 'Work' }))[Symbol.dispose]();
  await expect.poll(() => it.server.streams()).toBe(0);
  expect(await it.activeRun()).toBeDefined();
});

test('the session has a watcher from before the message is sent until its stream ends', async ({ server: it }) => {
  const { send } = it.server.fake.sessions;
  let watchers = 0;
  it.server.fake.instead.send = async (id, command) => {
    watchers = it.server.fake.watchers(); // a fast answer is logged before the stream opens
    const sent = await send(id, command);
    await it.say(...demoRun(sent.runId));
    return sent;
  };
  await it.finished({ message: 'Say hi' });
  expect(watchers).toBe(1);
  await expect.poll(() => it.server.fake.watchers()).toBe(0);
});
