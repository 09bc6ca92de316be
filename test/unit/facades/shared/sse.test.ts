import { EventEmitter, getEventListeners, once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { text } from 'node:stream/consumers';
import type { FastifyReply } from 'fastify';
import { expect, test } from 'vitest';
import { openSse, toSseFrame } from '../../../../src/http/transport/sse.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

/** A response that accepts no data, and counts its listeners. */
class StuckResponse extends EventEmitter {
  destroyed = false;
  closed = false;
  writableLength = 0;
  writableNeedDrain = true;
  readonly written: string[] = [];
  writeHead = () => this;
  write(chunk: Buffer | string): boolean {
    this.written.push(chunk.toString());
    this.writableLength += chunk.length;
    return false;
  }
  end = () => this.destroy();
  destroy(): void {
    if (this.closed) return;
    this.destroyed = true;
    this.closed = true;
    this.emit('close');
  }
}

function open() {
  const clock = manualClock();
  const closing = new AbortController();
  let streams = 0;
  const opened = () => {
    streams++;
    return { [Symbol.dispose]: () => void streams-- };
  };
  const start = (res = new StuckResponse()) => {
    const reply = { hijack: () => ({ raw: res }), getHeaders: () => ({}) } as unknown as FastifyReply;
    return { res, stream: openSse(reply, { clock, closing: closing.signal, opened }) };
  };
  return { clock, closing, start, streams: () => streams };
}
const frame = toSseFrame({ id: '1', event: 'title', data: { text: 'a\nb' } });

test('a frame is four lines, whatever its text', () => {
  expect(frame.toString()).toBe('id: 1\nevent: title\ndata: {"text":"a\\nb"}\n\n');
  expect(toSseFrame({ event: 'x', data: null }).toString()).toBe('event: x\ndata: null\n\n');
});

test('F091 a thousand clients that disconnect during a wait for `drain` leave no listener behind', async () => {
  const { clock, closing, start, streams } = open();
  for (let n = 0; n < 1_000; n++) {
    const { res, stream } = start();
    const waiting = stream.write(frame);
    res.destroy();
    await waiting;
    stream[Symbol.dispose]();
    expect(res.eventNames().filter((name) => name !== 'error')).toEqual([]);
  }
  expect([clock.pending(), streams()]).toEqual([0, 0]);
  expect(getEventListeners(closing.signal, 'abort')).toHaveLength(0);
});

test('F089 a client that takes nothing for 30 s is cut off, and the waiting ends', async () => {
  const { clock, start } = open();
  const { res, stream } = start();
  const waiting = stream.write(frame);
  clock.advance(29_999);
  expect(res.destroyed).toBe(false);
  clock.advance(1);
  await waiting;
  expect([res.destroyed, stream.gone.aborted]).toEqual([true, true]);
});

test('F089 a client with more than 4 MiB before it is cut off at the next frame', async () => {
  const { start } = open();
  const { res, stream } = start();
  const big = Buffer.alloc(1024 * 1024);
  for (let n = 0; n < 5; n++) void stream.write(big); // a caller that ignores backpressure
  expect(res.destroyed).toBe(true);
  expect(res.written.length).toBeLessThanOrEqual(5);
});

test('frames that are written together are one write, and a client that does not read gets no second one', async () => {
  const { start } = open();
  const { res, stream } = start();
  const others = Array.from({ length: 100 }, () => Buffer.alloc(1_000, 'x'));
  const waiting = stream.writeAll([frame, frame, ...others]);
  await Promise.resolve();
  expect(res.written).toHaveLength(2); // the greeting, and a first piece of 64 KiB
  expect(res.written[1]?.startsWith(`${frame}${frame}x`)).toBe(true);
  expect(res.written[1]?.length).toBeLessThanOrEqual(64 * 1024);
  res.emit('drain');
  await expect.poll(() => res.written.length).toBe(3);
  res.emit('drain');
  await waiting;
  expect(res.written.slice(1).join('')).toBe(`${frame}${frame}${'x'.repeat(100_000)}`);
});

test('one huge frame does not count as a backlog', () => {
  const { start } = open();
  const { res, stream } = start();
  void stream.write(Buffer.alloc(10 * 1024 * 1024));
  expect(res.destroyed).toBe(false);
});

test('the server sends no ping to a client that does not read', () => {
  const { clock, start } = open();
  const { res } = start();
  clock.advance(45_000);
  expect(res.written).toEqual([': connected\n\n']);
});

test('a client that left before its stream began is not counted for ever', () => {
  const { clock, start, streams } = open();
  const gone = new StuckResponse();
  gone.destroy();
  const { res, stream } = start(gone);
  expect([stream.gone.aborted, streams(), clock.pending(), res.written]).toEqual([true, 0, 0, []]);
  expect(stream.write(frame)).toBeUndefined();
});

test.each([
  ['1.1', (body: string) => `${body.length.toString(16)}\r\n${body}\r\n`, '0\r\n\r\n'],
  ['1.0', (body: string) => body, ''],
] as const)('over HTTP/%s a client gets every frame, in the words of that version', async (version, piece, end) => {
  const server = createServer((_, res) => {
    const reply = { hijack: () => ({ raw: res }), getHeaders: () => ({}) } as unknown as FastifyReply;
    const clock = manualClock();
    using stream = openSse(reply, {
      clock,
      closing: new AbortController().signal,
      opened: () => new DisposableStack(),
    });
    for (const one of [frame, toSseFrame({ event: 'é', data: 'ü' }), frame]) void stream.write(one);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1').setEncoding('latin1');
  socket.write(`GET / HTTP/${version}\r\nHost: here\r\n\r\n`);
  const answer = await text(socket);
  const frames = [': connected\n\n', frame, toSseFrame({ event: 'é', data: 'ü' }), frame];
  const expected = frames.map((one) => piece(Buffer.from(one).toString('latin1'))).join('');
  expect(Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toString('latin1')).toBe(
    Buffer.from(expected + end).toString('latin1'),
  );
  server.close();
});
