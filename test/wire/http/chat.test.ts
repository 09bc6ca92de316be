import { expect, test } from 'vitest';
import { type RunId, SessionId } from '../../../src/core/model/ids.ts';
import { type TestServer, testServer } from '../../support/clients/http.ts';
import { openStream, type SeenEvent, type SseClient } from '../../support/clients/sse-client.ts';
import { type FakeOptions, type FakeService, runEnd } from '../../support/egress/fake-service.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

const now = 1_700_000_000;
const play: NonNullable<FakeOptions['play']> = (fake, id, { runId }) => say(fake, id, ...demoRun(runId));
const say = async (fake: FakeService, id: SessionId, ...facts: Parameters<FakeService['say']>[1][]) => {
  await fake.say(id, ...facts);
};
const names = (stream: SseClient) => stream.events().map(({ event }) => event);
const ids = (events: SeenEvent[]) => events.map(({ id }) => Number(id));
const whole = 'title message plan step tool tool step message plan message plan done'.split(' ');

async function start(options: Parameters<typeof testServer>[0] = {}) {
  const server = await testServer(options);
  const sid = await server.newSession();
  const chat = (body: unknown, headers: Record<string, string> = {}) =>
    openStream(`${server.url}/api/v1/sessions/${sid}/chat`, { method: 'POST', body, headers });
  const lastSeq = async () => (await server.fake.sessions.get(SessionId.parse(sid))).lastSeq;
  return {
    server,
    sid,
    id: SessionId.parse(sid),
    chat,
    lastSeq,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
const wait = (runId: RunId) => ({ type: 'run.wait', runId, data: { question: 'Which?' } }) as const;
const broke = (runId: RunId) => ({ type: 'run.error', runId, data: { error: 'It broke.' } }) as const;
const message = (server: TestServer, id: SessionId, text: string) =>
  server.fake.sessions.send(id, { text, mode: 'inject' });

test('the chat stream starts after its message and ends with the `done` of the run', async () => {
  await using it = await start({ play });
  using stream = await it.chat({ message: 'Say hi' });
  expect([await stream.ended, names(stream)]).toEqual(['ended', whole.toSpliced(10, 1)]);
});

test('earlier events are streamed only on request by a cursor, and an earlier `done` does not end the stream', async () => {
  await using it = await start({ play });
  using first = await it.chat({ message: 'Say hi' });
  await first.ended;
  using plain = await it.chat({ message: 'Again' });
  await plain.ended;
  expect(names(plain).filter((name) => name === 'done')).toHaveLength(1);
  using resumed = await it.chat({ message: 'Once more', event_id: ids(first.events()).at(-2)?.toString() });
  await resumed.ended;
  expect(names(resumed).filter((name) => name === 'done')).toHaveLength(3);
});

test('the stream of a queued message does not end when the previous run ends', async () => {
  await using it = await start();
  const { runId } = await message(it.server, it.id, 'First');
  using stream = await it.chat({ message: 'Second', mode: 'queue' });
  await it.server.fake.say(it.id, runEnd(runId, 'completed'));
  await expect.poll(() => names(stream)).toEqual(['done']);
  const queued = (await it.server.fake.sessions.page(it.id, 0, 100)).events.at(2);
  await it.server.fake.say(it.id, runEnd(queued?.runId as RunId, 'completed'));
  expect([await stream.ended, names(stream)]).toEqual(['ended', ['done', 'done']]);
});

test('a message injected into the active run streams to the end of that run', async () => {
  await using it = await start();
  const { runId } = await message(it.server, it.id, 'First');
  using stream = await it.chat({ message: 'And this' });
  await it.server.fake.say(it.id, broke(runId), runEnd(runId, 'failed'));
  expect([await stream.ended, names(stream)]).toEqual(['ended', ['error']]);
});

test('the service gets `mode: replace`', async () => {
  await using it = await start();
  await message(it.server, it.id, 'First');
  using stream = await it.chat({ message: 'Instead', mode: 'replace' });
  await expect.poll(it.lastSeq).toBe(5);
  const { events } = await it.server.fake.sessions.page(it.id, 2, 1);
  expect(events[0]).toMatchObject({ type: 'run.end', data: { reason: 'superseded' } });
  expect(stream.status).toBe(200);
});

test('a question ends the stream with `wait`, and the answer continues the same run', async () => {
  await using it = await start();
  const { runId } = await message(it.server, it.id, 'First');
  using requested = await it.chat({ event_id: '1' });
  await it.server.fake.say(it.id, wait(runId));
  await requested.ended;
  expect(names(requested)).toEqual(['wait']);
  using answered = await it.chat({ message: 'That one' });
  await it.server.fake.say(it.id, runEnd(runId, 'completed'));
  await answered.ended;
  expect(names(answered)).toEqual(['done']);
});

test('a run that fails without an error event still ends the stream', async () => {
  await using it = await start();
  using stream = await it.chat({ message: 'Work' });
  const active = await it.server.fake.sessions.activeRun(it.id);
  await it.server.fake.say(it.id, runEnd(active?.runId as RunId, 'failed'));
  expect([await stream.ended, stream.raw()]).toEqual(['ended', ': connected\n\n']);
});

test.each([
  ['no body', undefined],
  ['null', { message: null }],
  ['blanks', { message: ' \n ' }],
])('a chat with %s reconnects: without an active run the stream ends at once, with no event', async (_name, body) => {
  await using it = await start({ play });
  using first = await it.chat({ message: 'Say hi' });
  await first.ended;
  const before = await it.lastSeq();
  using stream = await it.chat(body);
  expect([await stream.ended, stream.raw()]).toEqual(['ended', ': connected\n\n']);
  expect(await it.lastSeq()).toBe(before);
});

test('a reconnect during a run streams that run from its start to its end', async () => {
  await using it = await start();
  const { runId } = await message(it.server, it.id, 'Say hi');
  const facts = demoRun(runId);
  await it.server.fake.say(it.id, ...facts.slice(0, 6));
  using stream = await it.chat({});
  await it.server.fake.say(it.id, ...facts.slice(6));
  await stream.ended;
  expect(names(stream)).toEqual(whole.toSpliced(10, 1));
});

test('a reconnect with a cursor gets the missed events and ends, because the run is over', async () => {
  await using it = await start({ play });
  using first = await it.chat({ message: 'Say hi' });
  await first.ended;
  const seen = ids(first.events());
  using rest = await it.chat({ event_id: String(seen[4]) });
  await rest.ended;
  expect(ids(rest.events())).toEqual(seen.slice(5));
  using nothing = await it.chat({ event_id: String(seen.at(-1)) });
  await nothing.ended;
  expect(nothing.events()).toEqual([]);
});

test('a reconnect to a waiting session gets the missed events and ends', async () => {
  await using it = await start();
  const { runId } = await message(it.server, it.id, 'First');
  await it.server.fake.say(it.id, wait(runId));
  using owed = await it.chat({ event_id: '1' });
  await owed.ended;
  expect(names(owed)).toEqual(['wait']);
  using nothing = await it.chat({ event_id: '3' });
  await nothing.ended;
  expect(nothing.events()).toEqual([]);
});

test('the later cursor of header and body wins', async () => {
  await using it = await start({ play });
  using first = await it.chat({ message: 'Say hi' });
  await first.ended;
  const seen = ids(first.events());
  const [early, late] = [String(seen[1]), String(seen[6])];
  for (const [header, body] of [
    [early, late],
    [late, early],
    ['', late],
  ] as const) {
    using stream = await it.chat({ event_id: body }, { 'last-event-id': header });
    await stream.ended;
    expect(ids(stream.events())).toEqual(seen.slice(7));
  }
});

test('a retry sends no second message: its stream and its end equal the first, from its cursor on', async () => {
  const clock = manualClock(now * 1000);
  await using it = await start({ clock, play });
  const body = { message: 'Say hi', timestamp: now };
  using first = await it.chat(body);
  await first.ended;
  const [before, seen] = [await it.lastSeq(), ids(first.events())];
  clock.advance(9 * 60_000);
  using again = await it.chat(body);
  await again.ended;
  expect(ids(again.events())).toEqual(seen);
  using resumed = await it.chat(body, { 'last-event-id': String(seen[2]) });
  await resumed.ended;
  expect(ids(resumed.events())).toEqual(seen.slice(3));
  using over = await it.chat(body, { 'last-event-id': String(seen.at(-1)) });
  await over.ended;
  expect(over.events()).toEqual([]);
  expect(await it.lastSeq()).toBe(before);
});

test('twenty equal requests at once create one message', async () => {
  await using it = await start({ clock: manualClock(now * 1000), play });
  const { send } = it.server.fake.sessions;
  it.server.fake.instead.send = async (...command) => {
    await new Promise((resolve) => setTimeout(resolve, 20)); // time for the other requests to arrive
    return send(...command);
  };
  const streams = await Promise.all(Array.from({ length: 20 }, () => it.chat({ message: 'Say hi', timestamp: now })));
  for (const stream of streams) await stream.ended;
  const { events } = await it.server.fake.sessions.page(it.id, 0, 1000);
  expect(events.filter(({ type }) => type === 'message.user')).toHaveLength(1);
  for (const stream of streams) expect(names(stream)).toEqual(whole.toSpliced(10, 1));
});

test.each([
  ['other text', { message: 'Say ho', timestamp: now }, 0],
  ['another clock reading', { message: 'Say hi', timestamp: now + 1 }, 0],
  ['no clock reading', { message: 'Say hi' }, 0],
  ['ten minutes in between', { message: 'Say hi', timestamp: now }, 10 * 60_000],
])('a message with %s is a new message', async (_name, body, later) => {
  const clock = manualClock(now * 1000);
  await using it = await start({ clock, play });
  using first = await it.chat({ message: 'Say hi', timestamp: now });
  await first.ended;
  clock.advance(later);
  const before = await it.lastSeq();
  using second = await it.chat(body);
  await second.ended;
  expect(await it.lastSeq()).toBeGreaterThan(before);
});

test('a message with a timestamp 11 minutes off is never taken for a retry', async () => {
  await using it = await start({ clock: manualClock(now * 1000), play });
  for (const seq of [1, 20]) {
    using stream = await it.chat({ message: 'Say hi', timestamp: now - 11 * 60 });
    await stream.ended;
    expect(await it.lastSeq()).toBeGreaterThan(seq);
  }
});

test('a retry is recognised even after a thousand newer events', async () => {
  const clock = manualClock(now * 1000);
  await using it = await start({ clock });
  using first = await it.chat({ message: 'Say hi', timestamp: now });
  const active = await it.server.fake.sessions.activeRun(it.id);
  const runId = active?.runId as RunId;
  await it.server.fake.say(
    it.id,
    ...Array.from({ length: 1000 }, () => ({ type: 'title', runId, data: { title: 'T' } }) as const),
  );
  await it.server.fake.say(it.id, runEnd(runId, 'completed'));
  await first.ended;
  const before = await it.lastSeq();
  using again = await it.chat({ message: 'Say hi', timestamp: now });
  await again.ended;
  expect(await it.lastSeq()).toBe(before);
  expect(again.events()).toHaveLength(1001);
});

test.each([
  [{ message: 7 }, 'message'],
  [{ message: 'x'.repeat(200_001) }, 'message'],
  [{ message: 'x', timestamp: -1 }, 'timestamp'],
  [{ message: 'x', timestamp: 1.5 }, 'timestamp'],
  [{ message: 'x', timestamp: '1' }, 'timestamp'],
  [{ message: 'x', event_id: 7 }, 'event_id'],
  [{ message: 'x', mode: 'shout' }, 'mode'],
  [{ message: 'x', attachments: [7] }, 'attachments'],
  [[], 'body'],
])('a chat with %j is refused, and appends nothing', async (body, field) => {
  await using it = await start();
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

test('closing a stream does not stop the run', async () => {
  await using it = await start();
  {
    using _stream = await it.chat({ message: 'Work' });
  }
  await expect.poll(() => it.server.streams()).toBe(0);
  expect(await it.server.fake.sessions.activeRun(it.id)).toBeDefined();
});

test('the session has a watcher from before the message is sent until its stream ends', async () => {
  await using it = await start();
  const { send } = it.server.fake.sessions;
  let watchers = 0;
  it.server.fake.instead.send = async (id, command) => {
    watchers = it.server.fake.watchers(); // a fast answer is logged before the stream opens
    const sent = await send(id, command);
    await it.server.fake.say(id, ...demoRun(sent.runId));
    return sent;
  };
  using stream = await it.chat({ message: 'Say hi' });
  await stream.ended;
  expect(watchers).toBe(1);
  await expect.poll(() => it.server.fake.watchers()).toBe(0);
});
