import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { pngFile } from '../../../src/core/text/pictures.ts';

/**
 * Encodes BGRX rows, as a display stores them, as an RGB PNG. Fast rather than small, because a caller waits for it. The
 * daemon has no dependencies.
 */
export async function encodePng(pixels: Buffer, width: number, height: number): Promise<Buffer> {
  const row = 1 + width * 3;
  const raw = Buffer.allocUnsafe(row * height);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    raw[to++] = 0; // no filter: a screen is flat colours and text, which compress well without one
    for (let x = 0; x < width; x++, from += 4) {
      raw[to++] = pixels[from + 2] as number;
      raw[to++] = pixels[from + 1] as number;
      raw[to++] = pixels[from] as number;
    }
  }
  return pngFile(width, height, await promisify<Buffer, object, Buffer>(deflate)(raw, { level: 2 }));
}
