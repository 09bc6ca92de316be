import { Readable } from 'node:stream';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { byteRange, sendFile } from '../../../src/facades/shared/byte-range.ts';

const whole = Buffer.from('0123456789');

/** The answer about a file of ten bytes, or of none, to a request with this `Range`. */
async function answer(range: string | undefined, file = whole) {
  const app = fastify();
  app.get('/', async (request, reply) => {
    const expected = byteRange(request.headers.range);
    const end = expected?.length === undefined ? undefined : expected.from + expected.length;
    const content = Readable.from([file.subarray(expected?.from ?? 0, end)]);
    return sendFile(reply, { size: file.length, content }, expected);
  });
  const headers = range === undefined ? {} : { range };
  const { statusCode, payload, headers: reported } = await app.inject({ url: '/', headers });
  const { 'content-range': part, 'content-length': length, 'content-disposition': disposition } = reported;
  return { statusCode, payload, part, length: Number(length), disposition };
}
const attachment = { disposition: 'attachment' };

test('a file without a range is sent whole, as an attachment', async () =>
  expect(await answer(undefined)).toEqual({ statusCode: 200, payload: '0123456789', length: 10, ...attachment }));

test.each([
  ['bytes=2-4', '234', 'bytes 2-4/10'],
  ['bytes=7-', '789', 'bytes 7-9/10'],
  ['bytes=8-100', '89', 'bytes 8-9/10'],
])('%s is sent as a part', async (range, payload, part) =>
  expect(await answer(range)).toEqual({ statusCode: 206, payload, part, length: payload.length, ...attachment }),
);

test('a range that begins behind the end is refused, and the answer says the size', async () => {
  const refused = await answer('bytes=10-');
  expect(refused).toMatchObject({ statusCode: 416, part: 'bytes */10' });
  expect(refused.disposition).toBeUndefined();
  expect(JSON.parse(refused.payload)).toEqual({ detail: 'The range is outside of the file' });
});

test.each(['bytes=-3', 'bytes=5-2', 'items=0-1', 'bytes=0-1,4-5'])('%s is ignored', async (range) =>
  expect(await answer(range)).toMatchObject({ statusCode: 200, payload: '0123456789' }),
);

test('an empty file is sent whole for every range', async () =>
  expect(await answer('bytes=0-', Buffer.alloc(0))).toMatchObject({ statusCode: 200, payload: '', length: 0 }));
