import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { SessionId } from '../../../src/core/model/ids.ts';
import { testServer } from '../../support/clients/http.ts';
import { openStream, type SseClient } from '../../support/clients/sse-client.ts';
import { type ManualClock, manualClock } from '../../support/machines/manual-clock.ts';

const total = 4_000; // 20 MB, more than the kernel's buffers of two sockets
const title = { type: 'title', runId: null, data: { title: 'x'.repeat(5_000) } } as const;
const ids = (stream: SseClient) => stream.events().map(({ id }) => Number(id));

async function start(clock: ManualClock) {
  const server = await testServer({ clock, own: true });
  const sockets = new Set<Socket>();
  server.app.server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  const id = SessionId.parse(await server.newSession());
  const follow = (cursor = 0) => openStream(`${server.url}/api/v1/sessions/${id}/events?last_event_id=${cursor}`);
  const burst = async (events = total) => {
    for (let n = 0; n < events; n += 100) {
      await server.fake.say(id, ...Array.from({ length: Math.min(100, events - n) }, () => title));
      await new Promise(setImmediate);
    }
  };
  const queued = () => Math.max(0, ...[...sockets].map((socket) => socket.writableLength));
  return { server, id, follow, burst, queued, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
const blocked = (it: { queued: () => number }) => expect.poll(it.queued).toBeGreaterThan(0);

test('F090 a client that reads nothing delays no other, queues little, is cut off, and resumes without a loss', async () => {
  const clock = manualClock(1_700_000_000_000);
  await using it = await start(clock);
  using slow = await it.follow();
  slow.pause();
  const others = await Promise.all(Array.from({ length: 9 }, () => it.follow()));
  let most = 0;
  const watching = setInterval(() => {
    most = Math.max(most, it.queued());
  }, 1);
  await it.burst();
  for (const other of others) await expect.poll(() => ids(other).length, { interval: 200 }).toBe(total);
  clearInterval(watching);
  expect(it.queued()).toBeGreaterThan(0);
  expect(most).toBeLessThan(4 * 1024 * 1024);

  clock.advance(29_000);
  expect(it.server.streams()).toBe(10);
  clock.advance(1_001);
  await expect.poll(() => it.server.streams()).toBe(9);
  slow.resume();
  expect(await slow.ended).toBe('broken');
  const seen = ids(slow);
  expect(seen.length).toBeLessThan(total);
  using again = await it.follow(seen.at(-1));
  await expect.poll(() => ids(again).length, { interval: 200 }).toBe(total - seen.length);
  expect([...seen, ...ids(again)]).toEqual(Array.from({ length: total }, (_, n) => n + 1));
  for (const other of others) other[Symbol.dispose]();
});

test('a silent stream gets a ping every 15 s', async () => {
  const clock = manualClock(1_700_000_000_000);
  await using it = await start(clock);
  using stream = await it.follow();
  await expect.poll(() => stream.raw()).toBe(': connected\n\n');
  clock.advance(14_999);
  clock.advance(1);
  clock.advance(15_000);
  await expect
    .poll(() => stream.raw())
    .toBe(': connected\n\n: ping - 2023-11-14T22:13:35.000Z\n\n: ping - 2023-11-14T22:13:50.000Z\n\n');
});

test('a shutdown ends every stream, and cuts off one that reads nothing within 5 s', async () => {
  const clock = manualClock();
  await using it = await start(clock);
  using reading = await it.follow();
  using slow = await it.follow();
  slow.pause();
  await it.burst();
  await expect.poll(() => ids(reading).length, { interval: 200 }).toBe(total);
  await blocked(it);
  it.server.close.abort();
  expect(await reading.ended).toBe('ended');
  await expect.poll(() => it.server.streams()).toBe(1);
  clock.advance(5_000);
  await expect.poll(() => it.server.streams()).toBe(0);
});

test('a stream opened during a shutdown ends at once', async () => {
  await using it = await start(manualClock());
  it.server.close.abort();
  using stream = await it.follow();
  expect(await stream.ended).toBe('ended');
});
