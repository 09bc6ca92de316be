import { promisify } from 'node:util';
import { crc32, deflate } from 'node:zlib';

const signature = Buffer.from('89504e470d0a1a0a', 'hex');

/** Rows of BGRX, as a display stores them, to a PNG of RGB. Quick rather than small: somebody waits for it. */
export async function encodePng(pixels: Buffer, width: number, height: number): Promise<Buffer> {
  const row = 1 + width * 3;
  const raw = Buffer.allocUnsafe(row * height);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    raw[to++] = 0; // no filter: a screen is flat colours and text, which repeat as they are
    for (let x = 0; x < width; x++, from += 4) {
      raw[to++] = pixels[from + 2] as number;
      raw[to++] = pixels[from + 1] as number;
      raw[to++] = pixels[from] as number;
    }
  }
  const data = await promisify<Buffer, object, Buffer>(deflate)(raw, { level: 2 });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits a part, RGB
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), data]);
  const frame = Buffer.alloc(8);
  frame.writeUInt32BE(data.length, 0);
  frame.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
}
