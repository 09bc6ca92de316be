import { Readable } from 'node:stream';
import fastify from 'fastify';
import { expect, test } from 'vitest';
import { resolveRange, sendFile } from '../../../src/facades/shared/byte-range.ts';

const whole = Buffer.from('0123456789');
const version = '10-17';

/** The answer about a file of ten bytes, or of none, to a request with these headers. */
async function answer(headers: Record<string, string>, file = whole, path = 'a/b.txt') {
  const app = fastify();
  app.get('/', (request, reply) =>
    sendFile(reply, {
      headers: request.headers,
      path,
      async open({ from = 0, length } = { from: 0 }) {
        const content = Readable.from([file.subarray(from, length === undefined ? undefined : from + length)]);
        return { size: file.length, version, content };
      },
    }),
  );
  const { statusCode, payload, headers: reported } = await app.inject({ url: '/', headers });
  const { 'content-range': part, 'content-length': length, 'content-disposition': disposition } = reported;
  return { statusCode, payload, part, length: Number(length), disposition };
}
const attachment = { disposition: `attachment; filename="b.txt"; filename*=UTF-8''b.txt` };

test('a file without a range is sent whole, as an attachment', async () =>
  expect(await answer({})).toEqual({ statusCode: 200, payload: '0123456789', length: 10, ...attachment }));

test.each([
  ['bytes=2-4', '234', 'bytes 2-4/10'],
  ['bytes=7-', '789', 'bytes 7-9/10'],
  ['bytes=8-100', '89', 'bytes 8-9/10'],
  ['bytes=-3', '789', 'bytes 7-9/10'],
  ['bytes=-100', '0123456789', 'bytes 0-9/10'],
  ['Bytes= 2-4', '234', 'bytes 2-4/10'],
])('%s is sent as a part', async (range, payload, part) =>
  expect(await answer({ range })).toEqual({ statusCode: 206, payload, part, length: payload.length, ...attachment }),
);

test.each(['bytes=10-', 'bytes=-0'])('%s, behind the end, is refused, and the answer says the size', async (range) => {
  const refused = await answer({ range });
  expect(refused).toMatchObject({ statusCode: 416, part: 'bytes */10' });
  expect(refused.disposition).toBeUndefined();
  expect(JSON.parse(refused.payload)).toEqual({ detail: 'The range is outside of the file' });
});

test.each(['bytes=5-2', 'items=0-1', 'bytes=0-1,4-5', 'bytes=-', 'bytes=a-b'])('%s is ignored', async (range) =>
  expect(await answer({ range })).toMatchObject({ statusCode: 200, payload: '0123456789' }),
);

test.each([
  [`"${version}"`, 206, '789'],
  ['"9-16"', 200, '0123456789'],
  [`W/"${version}"`, 200, '0123456789'],
  ['Sat, 28 Nov 2026 12:00:00 GMT', 200, '0123456789'],
])('a download of %s that is continued does not mix two versions', async (onlyIf, statusCode, payload) => {
  for (const range of ['bytes=7-', 'bytes=-3'])
    expect(await answer({ range, 'if-range': onlyIf })).toMatchObject({ statusCode, payload });
});

test.each([
  [`"${version}"`, 304],
  [`W/"${version}"`, 304],
  [`"other", "${version}"`, 304],
  ['*', 304],
  ['"other"', 200],
])('a client that has %s gets %d', async (tags, statusCode) =>
  expect(await answer({ 'if-none-match': tags })).toMatchObject({ statusCode }),
);

test.each(['bytes=0-', 'bytes=-1'])('an empty file is sent whole for %s', async (range) =>
  expect(await answer({ range }, Buffer.alloc(0))).toMatchObject({ statusCode: 200, payload: '', length: 0 }),
);

test('an empty file has no range that could be sent', () =>
  expect([resolveRange({ from: 0 }, 0), resolveRange({ last: 1 }, 0)]).toEqual(['unsatisfiable', 'unsatisfiable']));
