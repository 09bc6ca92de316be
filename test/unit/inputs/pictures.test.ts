import { deflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Message } from '../../../src/agents/models/model.ts';
import { pictureSizeOf, pngFile } from '../../../src/core/text/pictures.ts';
import { withPictures } from '../../../src/sessions/run/turns/message-images.ts';

const png = (width: number, height: number) =>
  pngFile(width, height, deflateSync(Buffer.alloc((1 + 3 * width) * height)));
const jpeg = (width: number, height: number) => {
  const frame = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc00011080000000003012200021101031101', 'hex');
  frame.writeUInt16BE(height, 25);
  frame.writeUInt16BE(width, 27);
  return Buffer.concat([frame, Buffer.from('ffda0000ffd9', 'hex')]);
};
const gif = Buffer.concat([Buffer.from('GIF89a\x02\0\x03\0\0\0\0', 'latin1'), Buffer.from([0x3b])]);
const webp = Buffer.alloc(30);
webp.write('RIFF\x16\0\0\0WEBPVP8X', 'latin1');

async function seen(bytes: Buffer, mimeType: string, count = 1) {
  const files = Array.from({ length: count }, (_, n) => `${n}-${bytes.length}-${mimeType}`);
  const message: Message = { role: 'user', text: '', pictures: files.map((file) => ({ file, mimeType })) };
  const loaded = await withPictures([message], async () => bytes.toString('base64'), new AbortController().signal);
  const [first] = loaded.messages;
  const picture = first?.role === 'user' ? first.pictures?.[0] : undefined;
  const size = picture?.data === undefined ? undefined : pictureSizeOf(Buffer.from(picture.data, 'base64'));
  return { type: picture?.mimeType, size, words: picture?.leftOut, told: loaded.leftOut.length };
}

test.each([
  ['a PNG that is too long', png(100, 9_000), 'image/png', 'image/png', { width: 89, height: 8_000 }],
  ['a PNG that fits', png(10, 20), 'image/png', 'image/png', { width: 10, height: 20 }],
  ['a JPEG called PNG', jpeg(7, 5), 'image/png', 'image/jpeg', { width: 7, height: 5 }],
  ['a GIF called PNG', gif, 'image/png', 'image/gif', { width: 2, height: 3 }],
  ['a WebP called JPEG', webp, 'image/jpeg', 'image/webp', { width: 1, height: 1 }],
])('%s is shown', async (_, bytes, called, type, size) =>
  expect(await seen(bytes, called)).toEqual({ type, size, words: undefined, told: 0 }),
);

test.each([
  ['a PNG that is cut', png(50, 50).subarray(0, -20), 'image/png', /cut off/],
  ['a JPEG that is cut', jpeg(5, 5).subarray(0, -2), 'image/jpeg', /cut off/],
  ['a GIF that is cut', gif.subarray(0, -1), 'image/gif', /cut off/],
  ['a WebP that is cut', webp.subarray(0, -1), 'image/webp', /cut off/],
  ['a BMP called PNG', Buffer.from('BM0000000000000000'), 'image/png', /no PNG, JPEG, GIF or WebP/],
  ['an SVG called PNG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/png', /no PNG/],
  ['an empty file', Buffer.alloc(0), 'image/png', /no PNG/],
  [
    'a JPEG with too many bytes',
    Buffer.concat([jpeg(9, 9), Buffer.alloc(4_000_000), Buffer.from('ffd9', 'hex')]),
    'image/jpeg',
    /more than providers take/,
  ],
  ['a PNG whose size would fill the memory', hugePng(), 'image/png', /more than providers take/],
])('%s is described to the model, and reported', async (_, bytes, called, reason) =>
  expect(await seen(bytes, called)).toMatchObject({ size: undefined, words: expect.stringMatching(reason), told: 1 }),
);

test('many pictures are smaller', async () =>
  expect(await seen(png(10, 4_000), 'image/png', 21)).toMatchObject({ size: { width: 5, height: 2_000 } }));

function hugePng(): Buffer {
  const bytes = png(1, 1);
  bytes.writeUInt32BE(100_000, 16);
  bytes.writeUInt32BE(100_000, 20);
  return bytes;
}
