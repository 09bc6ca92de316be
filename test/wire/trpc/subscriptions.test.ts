import { describe, expect } from 'vitest';
import { AppError } from '../../../src/core/errors/errors.ts';
import { SessionId } from '../../../src/core/model/ids.ts';
import { trpcTest as test } from '../../support/clients/server-tests.ts';
import { followEvents, transports, trpcServer } from '../../support/clients/trpc.ts';
import { demoRun } from '../../support/servers/demo-run.ts';

const title = (n: number) => ({ type: 'title', runId: null, data: { title: `${n}` } }) as const;
const upTo = (last: number, first = 1) => Array.from({ length: last - first + 1 }, (_, n) => n + first);

describe.each(transports)('over %s', { tags: ['all'] }, (transport) => {
  async function start(events = 0, options = {}) {
    const server = await trpcServer(options);
    const client = server.client(transport);
    const id = SessionId.parse((await client.sessions.create.mutate()).id);
    if (events > 0) await server.fake.say(id, ...upTo(events).map(title));
    const follow = (lastEventId?: string | null) =>
      followEvents(client, { sessionId: id, ...(lastEventId !== undefined && { lastEventId }) });
    return { server, client, id, follow, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
  }

  test('F087 a subscription resumes after dropped connections without a gap or a repeat', async () => {
    await using it = await start();
    const following = it.follow('0');
    await following.started;
    const total = 60;
    for (let n = 1; n <= total; n += 6) {
      await it.server.fake.say(it.id, ...upTo(n + 5, n).map(title));
      if (n % 12 === 1) await expect.poll(() => following.seqs().length).toBeGreaterThan(0);
      it.server.dropEveryone();
    }
    await expect.poll(following.seqs).toEqual(upTo(total));
    expect(following.items.map((item) => item.type === 'title' && item.data.title)).toEqual(upTo(total).map(String));
  });

  test.each([undefined, null, ''])('a subscription without a last id (%j) starts now', async (lastEventId) => {
    await using it = await start(3);
    const following = it.follow(lastEventId);
    await following.started;
    await it.server.fake.say(it.id, title(4));
    await expect.poll(following.seqs).toEqual([4]);
  });

  test('a subscription starts at the beginning of the active run', async () => {
    await using it = await start(3);
    const { runId } = await it.client.runs.send.mutate({ sessionId: it.id, text: 'Say hi' });
    await it.server.fake.say(it.id, ...demoRun(runId).slice(0, 3));
    const following = it.follow();
    await expect.poll(following.seqs).toEqual([5, 6, 7, 8]);
    expect(following.items[0]).toMatchObject({ type: 'run.started', runId });
  });

  test('a message sent after the start is never missed', async () => {
    await using it = await start();
    const following = it.follow();
    await following.started;
    const { seq } = await it.client.runs.send.mutate({ sessionId: it.id, text: 'Say hi' });
    await expect.poll(following.seqs).toEqual([seq, seq + 1]);
    expect(following.items[0]).toMatchObject({ type: 'message.user', data: { text: 'Say hi' } });
  });

  test('F088 a cursor that is too old or ahead gets a resync, and the stream continues after the end of the log', async () => {
    await using it = await start(30);
    await it.server.fake.store.events.compact(it.id, { keepDroppable: 5, keepAll: 10 });
    const old = it.follow('5');
    const ahead = it.follow('9999999999999999');
    await expect.poll(() => [old.items.length, ahead.items.length]).toEqual([1, 1]);
    await it.server.fake.say(it.id, title(31));
    await expect
      .poll(() => [old.seqs(), ahead.seqs()])
      .toEqual([
        [30, 31],
        [30, 31],
      ]);
    const resync = { type: 'resync', sessionId: it.id, seq: 30, latestSeq: 30, ts: expect.any(Number) };
    expect(old.items[0]).toEqual({ ...resync, reason: 'cursor_too_old', oldestSeq: 21 });
    expect(ahead.items[0]).toMatchObject({ ...resync, reason: 'cursor_ahead' });
  });

  test.each(['-1', 'abc', '01', '1.5', '12345678901234567', '1 '])(
    'F088 the cursor %j is a bad request',
    async (cursor) => {
      await using it = await start(3);
      expect(await it.follow(cursor).ended).toMatchObject({ data: { code: 'BAD_REQUEST' } });
    },
  );

  test('a subscription completes when its session is deleted, and not before', async () => {
    await using it = await start();
    const following = it.follow();
    await following.started;
    const { runId } = await it.client.runs.send.mutate({ sessionId: it.id, text: 'Say hi' });
    await it.server.fake.say(it.id, ...demoRun(runId));
    await it.client.sessions.delete.mutate({ id: it.id });
    expect(await following.ended).toBe('complete');
    expect(following.items.at(-1)).toMatchObject({ type: 'run.end' });
    await expect.poll(it.server.fake.watchers).toBe(0);
  });

  test('a temporary failure is retried from the last event', async () => {
    await using it = await start(3);
    const { get } = it.server.fake.sessions;
    let failures = 0;
    it.server.fake.instead.get = async (id) => {
      if (++failures <= 2) throw new AppError('store_busy', 'Too much to do.');
      return await get(id);
    };
    const following = it.follow('1');
    await expect.poll(following.seqs).toEqual([2, 3]);
    expect(failures).toBe(3);
  });

  test('unsubscribing ends the subscription on the server too, and closing the client ends all', async () => {
    await using it = await start();
    const first = it.follow();
    const second = it.follow();
    await Promise.all([first.started, second.started]);
    await expect.poll(it.server.fake.watchers).toBe(2);
    first.unsubscribe();
    await expect.poll(it.server.fake.watchers).toBe(1);
    it.client.close();
    expect(await second.ended).toBe('complete');
    await expect.poll(it.server.fake.watchers).toBe(0);
    await expect.poll(it.server.streams).toBe(0);
  });
});

test('a subscription over SSE starts with a comment and forbids caching and buffering', async ({ server }) => {
  const { id } = await server.client().sessions.create.mutate();
  const input = encodeURIComponent(JSON.stringify({ sessionId: id, lastEventId: '0' }));
  await server.fake.say(SessionId.parse(id), title(1));
  const hangUp = new AbortController();
  const response = await fetch(`${server.url}/trpc/events.subscribe?input=${input}`, { signal: hangUp.signal });
  expect(Object.fromEntries(response.headers)).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache, no-transform',
    'x-accel-buffering': 'no',
    'ratelimit-limit': '100000',
  });
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes('id: 1')) break;
  }
  hangUp.abort();
  expect(text.startsWith(': connected\n\nevent: connected\ndata: {"reconnectAfterInactivityMs":45000}\n\n')).toBe(true);
  expect(text).toMatch(/data: \{.*"seq":1.*\}\nid: 1\n+$/);
});
