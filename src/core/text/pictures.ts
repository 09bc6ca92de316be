import { crc32 } from 'node:zlib';

export const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex');

export const pictureHeadBytes = 12;

export type PictureType = 'image/png' | 'image/jpeg' | 'image/gif' | 'image/webp';

/** The limit for images sent to models, in bytes. Images over a provider's own limit are scaled down. */
export const maxPictureBytes = 20 * 1024 * 1024;

export function detectPictureType(head: Buffer): PictureType | undefined {
  if (head.subarray(0, pngSignature.length).equals(pngSignature)) return 'image/png';
  const latin = head.toString('latin1', 0, pictureHeadBytes);
  if (latin.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (/^GIF8[79]a/.test(latin)) return 'image/gif';
  return /^RIFF....WEBP$/s.test(latin) ? 'image/webp' : undefined;
}

/** In pixels. Undefined if the image is truncated or unreadable. */
export function readPictureSize(bytes: Buffer): { readonly width: number; readonly height: number } | undefined {
  const found = sizeReaders[detectPictureType(bytes) ?? '']?.(bytes);
  if (!found) return undefined;
  const [width = 0, height = 0] = found;
  return width > 0 && height > 0 ? { width, height } : undefined;
}

type SizeReader = (bytes: Buffer) => readonly [number, number] | undefined;
const sizeReaders: Readonly<Record<string, SizeReader>> = {
  'image/png': pngSize,
  'image/jpeg': jpegSize,
  'image/gif': (bytes) =>
    bytes.length > 13 && bytes.includes(0x3b, 13) ? [bytes.readUInt16LE(6), bytes.readUInt16LE(8)] : undefined,
  'image/webp': webpSize,
};

function pngSize(bytes: Buffer): readonly [number, number] | undefined {
  for (let at = pngSignature.length; at + 12 <= bytes.length; at += 12 + bytes.readUInt32BE(at))
    if (bytes.toString('latin1', at + 4, at + 8) === 'IEND') return [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  return undefined;
}

function jpegSize(bytes: Buffer): readonly [number, number] | undefined {
  if (bytes.lastIndexOf(Buffer.from([0xff, 0xd9])) < 4) return undefined;
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const mark = bytes[at + 1] ?? 0;
    if (mark === 0xff) {
      at++;
      continue;
    }
    const isFrame = mark >= 0xc0 && mark <= 0xcf && mark !== 0xc4 && mark !== 0xc8 && mark !== 0xcc;
    if (isFrame) return [bytes.readUInt16BE(at + 7), bytes.readUInt16BE(at + 5)];
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return undefined;
}

function webpSize(bytes: Buffer): readonly [number, number] | undefined {
  if (bytes.length < 30 || bytes.readUInt32LE(4) + 8 > bytes.length) return undefined;
  const form = bytes.toString('latin1', 12, 16);
  if (form === 'VP8 ') return [bytes.readUInt16LE(26) & 0x3fff, bytes.readUInt16LE(28) & 0x3fff];
  if (form === 'VP8X') return [bytes.readUIntLE(24, 3) + 1, bytes.readUIntLE(27, 3) + 1];
  const bits = bytes.readUInt32LE(21);
  return form === 'VP8L' ? [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1] : undefined;
}

/** RGB with 8 bits per channel. `data`: deflated rows, each preceded by its filter type byte. */
export function buildPngFile(width: number, height: number, data: Buffer): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8);
  return Buffer.concat([pngSignature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}
