import { crc32 } from 'node:zlib';

export const pngSignature = Buffer.from('89504e470d0a1a0a', 'hex');

/** How many of a file's first bytes `pictureTypeOf` needs. */
export const pictureHeadBytes = 12;

/** The type by the file's first bytes; undefined for a file that models do not take as a picture. */
export function pictureTypeOf(head: Buffer): string | undefined {
  if (head.subarray(0, pngSignature.length).equals(pngSignature)) return 'image/png';
  const latin = head.toString('latin1', 0, pictureHeadBytes);
  if (latin.startsWith('\xff\xd8\xff')) return 'image/jpeg';
  if (/^GIF8[79]a/.test(latin)) return 'image/gif';
  return /^RIFF....WEBP$/s.test(latin) ? 'image/webp' : undefined;
}

/** Encodes a picture in RGB with 8 bits per channel. `data`: its rows, each after the number of its filter, deflated. */
export function pngFile(width: number, height: number, data: Buffer): Buffer {
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
