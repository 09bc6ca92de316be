import { createServer, type Server, type Socket } from 'node:net';
import { crc32 } from 'node:zlib';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { EventReader } from '../../../bench/lib/calls/event-reader.ts';

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

async function hears(...pieces: string[]): Promise<EventReader> {
  const { port } = server.address() as { port: number };
  const reader = await EventReader.open(`http://127.0.0.1:${port}/events`, 'sse');
  const socket = await client;
  for (const piece of pieces) {
    socket.write(piece);
    await expect.poll(() => socket.writableLength).toBe(0);
  }
  await new Promise<void>((resolve) => socket.end(resolve));
  return reader;
}

test('events that come in any pieces are counted once each, with their latency', async () => {
  const all = [1, 2, 3].map(frame).join('');
  using reader = await hears(all.slice(0, 20), all.slice(20, 95), all.slice(95));
  await expect.poll(() => reader.last).toBe(3);
  expect(reader.latencies).toHaveLength(3);
  expect(reader.latencies.every((ms) => ms > 0)).toBe(true);
  expect(reader.correct({ count: 3, crc: crc(1, 2, 3) })).toEqual({
    expected: 3,
    received: 3,
    lost: 0,
    duplicated: 0,
    reordered: 0,
  });
});

test('the reader counts lost, doubled and reordered events separately', async () => {
  using reader = await hears([1, 2, 2, 4, 3].map(frame).join(''));
  await expect.poll(() => reader.latencies.length).toBe(5);
  expect(reader.correct({ count: 6, crc: 0 })).toMatchObject({ lost: 1, duplicated: 1, reordered: 1 });
  expect(reader.correct({ count: 5, crc: 1 })).toMatchObject({ lost: 1, duplicated: 0 });
});
