import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { crc32, deflateSync } from 'node:zlib';
import encodeWebp, { init } from '@jsquash/webp/encode.js';
import { expect, test } from 'vitest';
import type { Message } from '../../../src/agents/models/model.ts';
import { encodeRasterJpeg } from '../../../src/agents/tools/computer/codecs.ts';
import { fileRead } from '../../../src/agents/tools/file.ts';
import { managedAgentsToolset } from '../../../src/agents/tools/toolset.ts';
import { runWorkerTool } from '../../../src/cli/worker/tools.ts';
import type { Box } from '../../../src/client/index.ts';
import { buildPngFile, readPictureSize } from '../../../src/core/text/pictures.ts';
import { loadPictures } from '../../../src/sessions/run/turns/ask-model.ts';
import { toolBench } from '../../support/agents/tools.ts';

const png = (width: number, height: number) =>
  buildPngFile(width, height, deflateSync(Buffer.alloc((1 + 3 * width) * height)));
const jpeg = (width: number, height: number) => {
  const frame = Buffer.from('ffd8ffe000104a46494600010100000100010000ffc00011080000000003012200021101031101', 'hex');
  frame.writeUInt16BE(height, 25);
  frame.writeUInt16BE(width, 27);
  return Buffer.concat([frame, Buffer.from('ffda0000ffd9', 'hex')]);
};
/** 8-bit levels of gray, or a picture of one bit. */
function grayPng(width: number, height: number, bits: 1 | 8) {
  const bytes = buildPngFile(width, height, deflateSync(Buffer.alloc((1 + Math.ceil((width * bits) / 8)) * height)));
  bytes.set([bits, 0], 24);
  bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
  return bytes;
}
function noise(width: number, height: number) {
  const rgba = Buffer.alloc(width * height * 4, 255);
  for (let n = 0; n < rgba.length; n++) if (n % 4 !== 3) rgba[n] = (n * n * 7919) >> 5;
  return { width, height, rgba };
}
const photograph = (width: number, height: number) => encodeRasterJpeg(noise(width, height));
/** A photograph with comments of 4.5 MB. */
async function heavy(width: number, height: number) {
  const bytes = await photograph(width, height);
  const comment = Buffer.concat([Buffer.from('fffeffff', 'hex'), Buffer.alloc(65_533)]);
  return Buffer.concat([bytes.subarray(0, 2), ...Array.from({ length: 70 }, () => comment), bytes.subarray(2)]);
}
/** A photograph of a camera that was held upright: EXIF's orientation 6. */
async function turned(width: number, height: number) {
  const bytes = await photograph(width, height);
  const exif = 'ffe1002245786966000049492a00080000000100120103000100000006000000000000000000';
  return Buffer.concat([bytes.subarray(0, 2), Buffer.from(exif, 'hex').subarray(0, 36), bytes.subarray(2)]);
}
async function webpOf(width: number, height: number) {
  const file = fileURLToPath(import.meta.resolve('@jsquash/webp/codec/enc/webp_enc.wasm'));
  await init({ wasmBinary: readFileSync(file) });
  const { rgba } = noise(width, height);
  return Buffer.from(await encodeWebp(new ImageData(new Uint8ClampedArray(rgba), width, height)));
}
const brokenJpeg = Buffer.concat([jpeg(9, 9), Buffer.alloc(4_000_000), Buffer.from('ffd9', 'hex')]);
const gif = Buffer.concat([Buffer.from('GIF89a\x02\0\x03\0\0\0\0', 'latin1'), Buffer.from([0x3b])]);
const webp = Buffer.alloc(30);
webp.write('RIFF\x16\0\0\0WEBPVP8X', 'latin1');

const { signal } = new AbortController();
async function seen(bytes: Buffer, mimeType: string, count = 1) {
  const files = Array.from({ length: count }, (_, n) => `${n}-${bytes.length}-${mimeType}`);
  const message: Message = { role: 'user', text: '', pictures: files.map((file) => ({ file, mimeType })) };
  const loaded = await loadPictures([message], async () => bytes.toString('base64'), signal);
  const [first] = loaded.messages;
  const picture = first?.role === 'user' ? first.pictures?.[0] : undefined;
  const size = picture?.data === undefined ? undefined : readPictureSize(Buffer.from(picture.data, 'base64'));
  const fits = (picture?.data?.length ?? 0) <= 5_000_000; // what providers take
  return { type: picture?.mimeType, size, fits, words: picture?.leftOut, reported: loaded.leftOut.length };
}

test.each([
  ['a PNG that is too long', png(100, 9_000), 'image/png', 'image/png', { width: 89, height: 8_000 }],
  ['a PNG that fits', png(10, 20), 'image/png', 'image/png', { width: 10, height: 20 }],
  ['a JPEG called PNG', jpeg(7, 5), 'image/png', 'image/jpeg', { width: 7, height: 5 }],
  ['a GIF called PNG', gif, 'image/png', 'image/gif', { width: 2, height: 3 }],
  ['a WebP called JPEG', webp, 'image/jpeg', 'image/webp', { width: 1, height: 1 }],
  ['a gray PNG that is too long', grayPng(100, 9_000, 8), 'image/png', 'image/png', { width: 89, height: 8_000 }],
  ['a PNG of one bit that is too wide', grayPng(9_000, 90, 1), 'image/png', 'image/png', { width: 8_000, height: 80 }],
  ['a JPEG that is too long', photograph(100, 9_000), 'image/jpeg', 'image/jpeg', { width: 89, height: 8_000 }],
  ['a JPEG that lies on its side', turned(9_000, 90), 'image/jpeg', 'image/jpeg', { width: 80, height: 8_000 }],
  ['a JPEG with too many bytes', heavy(90, 60), 'image/jpeg', 'image/jpeg', { width: 90, height: 60 }],
  ['a WebP that is too wide', webpOf(9_000, 90), 'image/webp', 'image/jpeg', { width: 8_000, height: 80 }],
])('%s is shown', async (_, bytes, called, type, size) =>
  expect(await seen(await bytes, called)).toEqual({ type, size, fits: true, words: undefined, reported: 0 }),
);

test.each([
  ['a PNG that is cut', png(50, 50).subarray(0, -20), 'image/png', /cut off/],
  ['a JPEG that is cut', jpeg(5, 5).subarray(0, -2), 'image/jpeg', /cut off/],
  ['a GIF that is cut', gif.subarray(0, -1), 'image/gif', /cut off/],
  ['a WebP that is cut', webp.subarray(0, -1), 'image/webp', /cut off/],
  ['a BMP called PNG', Buffer.from('BM0000000000000000'), 'image/png', /not a PNG, JPEG, GIF or WebP/],
  ['an SVG called PNG', Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), 'image/png', /not a PNG/],
  ['an empty file', Buffer.alloc(0), 'image/png', /not a PNG/],
  ['a broken JPEG with too many bytes', brokenJpeg, 'image/jpeg', /more than providers take/],
  ['a PNG whose size would fill the memory', hugePng(), 'image/png', /more than providers take/],
])('%s is described to the model, and reported', async (_, bytes, called, reason) => {
  const expected = { size: undefined, words: expect.stringMatching(reason), reported: 1 };
  expect(await seen(bytes, called)).toMatchObject(expected);
});

test('many pictures are smaller', async () =>
  expect(await seen(png(10, 4_000), 'image/png', 21)).toMatchObject({ size: { width: 5, height: 2_000 } }));

const read = managedAgentsToolset.find(({ name }) => name === 'read') ?? fileRead;
/** A workspace in which a file with this name has these bytes. */
async function workspace(name: string, bytes: Buffer) {
  const { sandbox, run } = toolBench();
  await sandbox.writeFile(name, 'x', signal);
  sandbox.files.set([...sandbox.files.keys()][0] ?? '', bytes);
  return run;
}
test.each([
  ['a PNG', png(10, 20), 'image/png', '10 × 20'],
  ['a JPEG', jpeg(7, 5), 'image/jpeg', '7 × 5'],
  ['a GIF', gif, 'image/gif', '2 × 3'],
  ['a WebP', webp, 'image/webp', '1 × 1'],
])('%s of the workspace is seen when it is read, whatever its name', async (_, data, mimeType, size) => {
  const run = await workspace('notes.txt', data);
  const keepPicture = async ({ data: kept, mimeType: type }: { data: Buffer; mimeType: string }) => ({
    file: kept.equals(data) ? 'same' : 'changed',
    url: '/f',
    mimeType: type,
  });
  const expected = { ok: true, output: expect.stringContaining(size), pictures: [{ file: 'same', mimeType }] };
  expect(await run(fileRead, { file: 'notes.txt' }, { keepPicture })).toMatchObject(expected);
  expect(await run(read, { file_path: 'notes.txt' }, { keepPicture })).toMatchObject(expected);
  const stream = async () => ({ size: data.length, body: new Blob([new Uint8Array(data)]).stream() });
  const call = { id: 'c', name: 'read', input: { file_path: 'notes.txt' } };
  const source = { type: 'base64', media_type: mimeType, data: data.toString('base64') };
  const ofWorker = await runWorkerTool({ files: { stream } } as unknown as Box, call as never, signal);
  expect(ofWorker).toMatchObject({ picture: { type: 'image', source } });
});

test('a picture that is cut off is refused when it is read', async () => {
  const run = await workspace('a.png', png(50, 50).subarray(0, -20));
  const keepPicture = async () => undefined;
  const expected = { ok: false, output: expect.stringContaining('cut off') };
  expect(await run(fileRead, { file: 'a.png' }, { keepPicture })).toMatchObject(expected);
});

function hugePng(): Buffer {
  const bytes = png(1, 1);
  bytes.writeUInt32BE(100_000, 16);
  bytes.writeUInt32BE(100_000, 20);
  return bytes;
}
