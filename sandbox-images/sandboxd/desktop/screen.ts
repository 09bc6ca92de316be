import { promisify } from 'node:util';
import { deflate } from 'node:zlib';
import { buildPngFile } from '../../../src/core/text/pictures.ts';
import { encodeUint16, encodeUint32, encodeX11Request, type X11Connection } from './x11.ts';

export async function encodePng(pixels: Buffer, width: number, height: number): Promise<Buffer> {
  const row = 1 + width * 3;
  const raw = Buffer.allocUnsafe(row * height);
  for (let y = 0, from = 0, to = 0; y < height; y++) {
    raw[to++] = 0; // no filter: flat colors and text compress well without one
    for (let x = 0; x < width; x++, from += 4) {
      raw[to++] = pixels[from + 2] as number;
      raw[to++] = pixels[from + 1] as number;
      raw[to++] = pixels[from] as number;
    }
  }
  return buildPngFile(width, height, await promisify<Buffer, object, Buffer>(deflate)(raw, { level: 2 }));
}

export async function takeScreenshot(display: X11Connection): Promise<Buffer> {
  const { root, width, height } = display.screen;
  const area = Buffer.concat([encodeUint32(root), encodeUint16(0, 0, width, height), encodeUint32(0xffffffff)]);
  const [image, cursor] = await Promise.all([display.ask(encodeX11Request(73, 2, area)), cursorImage(display)]);
  const pixels = image.subarray(32, 32 + width * height * 4);
  if (cursor) drawOver(pixels, width, height, cursor);
  return await encodePng(pixels, width, height);
}

export interface PointerState {
  readonly x: number;
  readonly y: number;
  readonly isDown: boolean;
}
export async function readPointer(display: X11Connection): Promise<PointerState> {
  const answer = await display.ask(encodeX11Request(38, 0, encodeUint32(display.screen.root)));
  const isDown = (answer.readUInt16LE(24) & 0x1f00) !== 0;
  return { x: answer.readInt16LE(16), y: answer.readInt16LE(18), isDown };
}

async function cursorImage(display: X11Connection): Promise<Buffer | undefined> {
  const opcode = await display.extension('XFIXES');
  if (opcode === undefined) return undefined;
  await display.ask(encodeX11Request(opcode, 0, encodeUint32(4, 0))); // XFIXES requires version negotiation before other requests
  return await display.ask(encodeX11Request(opcode, 4)).catch(() => undefined);
}

/** The cursor's pixels are ARGB with premultiplied alpha. */
function drawOver(pixels: Buffer, width: number, height: number, cursor: Buffer): void {
  const left = cursor.readInt16LE(8) - cursor.readUInt16LE(16);
  const top = cursor.readInt16LE(10) - cursor.readUInt16LE(18);
  const [wide, high] = [cursor.readUInt16LE(12), cursor.readUInt16LE(14)];
  for (let row = 0; row < high; row++) {
    for (let column = 0; column < wide; column++) {
      const [x, y] = [left + column, top + row];
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      const from = 32 + 4 * (row * wide + column);
      const to = 4 * (y * width + x);
      const keep = 255 - cursor.readUInt8(from + 3);
      for (let part = 0; part < 3; part++) {
        const below = Math.round((pixels.readUInt8(to + part) * keep) / 255);
        pixels.writeUInt8(Math.min(255, cursor.readUInt8(from + part) + below), to + part);
      }
    }
  }
}
