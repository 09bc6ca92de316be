import { createServer, type Server, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Subscriber } from '../../../bench/lib/subscriber.ts';

let server: Server;
let client: Promise<Socket>;
beforeEach(async () => {
  const connected = Promise.withResolvers<Socket>();
  client = connected.promise;
  server = createServer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: connected\n\n');
    connected.resolve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(() => void server.close());

const text = (n: number) => `0.5|${n}|..........`;
const frame = (n: number) => `id: ${n}\nevent: step\ndata: {"id":"${n}","description":"${text(n)}"}\n\n`;
const crc = (...ns: number[]) => ns.reduce((sum, n) => crc32(text(n), sum), 0);

async function hears(...pieces: string[]): Promise<Subscriber> {
  const { port } = server.address() as { port: number };
  const subscriber = await Subscriber.open(`http://127.0.0.1:${port}/events`);
  const socket = await client;
  for (const piece of pieces) {
    socket.write(piece);
    await expect.poll(() => socket.writableLength).toBe(0);
  }
  await new Promise<void>((resolve) => socket.end(resolve));
  return subscriber;
}

test('events that come in any pieces are counted once each, with their latency', async () => {
  const all = [1, 2, 3].map(frame).join('');
  using subscriber = await hears(all.slice(0, 20), all.slice(20, 95), all.slice(95));
  await expect.poll(() => subscriber.last).toBe(3);
  expect(subscriber.latencies).toHaveLength(3);
  expect(subscriber.latencies.every((ms) => ms > 0)).toBe(true);
  expect(subscriber.correct({ from: 0, to: 3, crc: crc(1, 2, 3) })).toEqual({
    ...{ expected: 3, received: 3, lost: 0, duplicated: 0, reordered: 0 },
  });
});

test('the subscriber counts lost, doubled and reordered events separately', async () => {
  using subscriber = await hears([1, 2, 2, 4, 3].map(frame).join(''));
  await expect.poll(() => subscriber.latencies.length).toBe(5);
  expect(subscriber.correct({ from: 0, to: 6, crc: 0 })).toMatchObject({ lost: 1, duplicated: 1, reordered: 1 });
  expect(subscriber.correct({ from: 0, to: 5, crc: 1 })).toMatchObject({ lost: 1, duplicated: 0 });
});
