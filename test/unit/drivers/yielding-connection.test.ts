import { once } from 'node:events';
import { Duplex, PassThrough } from 'node:stream';
import { expect, onTestFinished, test, vi } from 'vitest';
import { YieldingConnection } from '../../../drivers/shared/link/yielding-connection.ts';

const KiB = 1024;
/** A connection: what the peer sends is written to `incoming`; what it gets comes out of `outgoing`. */
function connection() {
  const [incoming, outgoing] = [new PassThrough({ highWaterMark: 1024 * KiB }), new PassThrough()];
  return { incoming, outgoing, socket: Duplex.from({ readable: incoming, writable: outgoing }) };
}

test('all bytes arrive in order, however slowly they are read', async () => {
  const { incoming, socket } = connection();
  const read = new YieldingConnection(socket);
  const sent = Buffer.from(Array.from({ length: 300 * KiB }, (_, n) => n % 251));
  incoming.end(sent);
  const parts: Buffer[] = [];
  for await (const part of read) {
    parts.push(part);
    await new Promise(setImmediate);
  }
  expect(Buffer.concat(parts).equals(sent)).toBe(true);
});

test('a reader that needs long for each piece lets the loop turn in between', async () => {
  let now = 0;
  vi.spyOn(performance, 'now').mockImplementation(() => now);
  onTestFinished(() => void vi.restoreAllMocks());
  const { incoming, socket } = connection();
  const read = new YieldingConnection(socket);
  let [pieces, inThisTurn, most] = [0, 0, 0];
  const turn = () => {
    inThisTurn = 0;
    if (!read.closed) setImmediate(turn);
  };
  setImmediate(turn);
  read.on('data', (piece: Buffer) => {
    expect(piece.length).toBeLessThanOrEqual(8 * KiB);
    pieces++;
    most = Math.max(most, ++inThisTurn);
    now += 3; // milliseconds
  });
  incoming.end(Buffer.alloc(256 * KiB));
  await once(read, 'end');
  read.destroy();
  expect(pieces).toBeGreaterThanOrEqual(32);
  expect(most).toBeLessThanOrEqual(3);
});

test('a connection that is returned is as it was, and one with unread bytes is not returned', async () => {
  const first = connection();
  const read = new YieldingConnection(first.socket);
  read.write('request');
  first.incoming.write('answered');
  expect(String((await once(read, 'data'))[0])).toBe('answered');
  expect(read.release()).toBe(first.socket);
  await once(read, 'close');
  expect([first.socket.destroyed, String(first.outgoing.read())]).toEqual([false, 'request']);

  const second = connection();
  const unread = new YieldingConnection(second.socket);
  second.incoming.write('unasked');
  for (let turn = 0; turn < 5; turn++) await new Promise(setImmediate);
  expect([unread.release(), second.socket.destroyed]).toEqual([undefined, true]);
});

test('the bytes before the end are read although the connection is closed already', async () => {
  const { incoming, socket } = connection();
  const read = new YieldingConnection(socket);
  incoming.end(Buffer.alloc(100 * KiB, 'x'));
  socket.once('end', () => socket.destroy());
  let bytes = 0;
  for await (const part of read) bytes += part.length;
  expect(bytes).toBe(100 * KiB);
});
