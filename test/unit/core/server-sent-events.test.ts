import { expect, test } from 'vitest';
import { parseServerSentEvents, type ServerSentEvent } from '../../../src/core/text/server-sent-events.ts';

const bodyOf = (...pieces: string[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of pieces) controller.enqueue(new TextEncoder().encode(piece));
      controller.close();
    },
  });
const none = { type: 'message', data: undefined, id: undefined, retry: undefined };

async function read(body: ReadableStream<Uint8Array>, maxChars?: number): Promise<ServerSentEvent[]> {
  return await Array.fromAsync(parseServerSentEvents(body, maxChars));
}

test('a frame has its type, its lines of data, its id and the pause', async () =>
  expect(await read(bodyOf('event: step\ndata: one\ndata: two\nid: 7\nretry: 900\n\n: connected\n\n'))).toEqual([
    { type: 'step', data: 'one\ntwo', id: '7', retry: 900 },
    none,
  ]));

test('frames are whole however the stream is cut, also within the end of a line', async () => {
  const text = 'event: step\r\ndata: ü\r\n\r\ndata:next\r\n\r\ndata: cut off';
  const events = [
    { ...none, type: 'step', data: 'ü' },
    { ...none, data: 'next' },
  ];
  for (let at = 1; at < text.length; at++)
    expect(await read(bodyOf(text.slice(0, at), text.slice(at)))).toEqual(events);
});

test('a pause that is no number does not count', async () =>
  expect(await read(bodyOf('retry: soon\n\n'))).toEqual([none]));

test('an event without an end is refused once it is too long', () =>
  expect(read(bodyOf('data: 123', '4567890'), 12)).rejects.toThrow('an event has more than 12 characters'));

test('a reader that stops early ends the connection, also where streams cannot be iterated', async () => {
  const ended = Promise.withResolvers<void>();
  const body = new ReadableStream<Uint8Array>({
    pull: (controller) => controller.enqueue(new TextEncoder().encode('data: again\n\n')),
    cancel: () => ended.resolve(),
  });
  Object.defineProperty(body, Symbol.asyncIterator, { value: undefined });
  for await (const { data } of parseServerSentEvents(body)) {
    expect(data).toBe('again');
    break;
  }
  await ended.promise;
});
