// @module-tag nightly
import { expect } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { httpTest as test } from '../../support/clients/server-tests.ts';
import { openStream } from '../../support/clients/sse-client.ts';

const clients = 1_000;
const title = (n: number) => ({ type: 'title', runId: null, data: { title: `t${n}` } }) as const;

test('F092 a thousand clients of one session that reconnect at once are served from memory', async ({ server }) => {
  const id = SessionId.parse(await server.newSession());
  const url = `${server.url}/api/v1/sessions/${id}/events`;
  for (let n = 1; n <= 20; n++) await server.fake.say(id, title(n));
  const connect = (after: number) =>
    Promise.all(Array.from({ length: clients }, () => openStream(url, { headers: { 'last-event-id': `${after}` } })));
  const seen = (streams: Awaited<ReturnType<typeof connect>>, id: string) =>
    expect.poll(() => streams.every((it) => it.events().at(-1)?.id === id), { interval: 50 }).toBe(true);
  const first = await connect(10);
  await seen(first, '20');
  for (const stream of first) stream[Symbol.dispose]();
  for (let n = 21; n <= 30; n++) await server.fake.say(id, title(n));
  const again = await connect(20);
  await seen(again, '30');
  for (const stream of again) {
    expect(stream.events().map((event) => Number(event.id))).toEqual([21, 22, 23, 24, 25, 26, 27, 28, 29, 30]);
    stream[Symbol.dispose]();
  }
  await expect.poll(() => server.streams()).toBe(0);
});
