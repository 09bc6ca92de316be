import { deflateSync, inflateSync } from 'node:zlib';
import { pngFile, pngSignature } from '../../../core/text/pictures.ts';
import type { Size } from './screen.ts';

// The part of PNG that screenshots need: 8 bits per channel, RGB or RGBA, not interlaced. `pngjs` decodes each kind of PNG,
// always to RGBA and without a limit on pixels, and the pictures come from sandboxes.

export interface Raster extends Size {
  /** Three bytes per pixel. */
  readonly rgb: Buffer;
}
export interface Region extends Size {
  readonly x: number;
  readonly y: number;
}

/** The size that a PNG's header names; undefined if the bytes have none. */
export function pngSize(png: Buffer): Size | undefined {
  if (png.length < 24 || !png.subarray(0, 8).equals(pngSignature)) return undefined;
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
}

/** Undefined if the bytes are no such picture. Throws if they are a broken one. */
export function readPng(png: Buffer): Raster | undefined {
  if (!png.subarray(0, 8).equals(pngSignature)) return undefined;
  const data: Buffer[] = [];
  let header: Buffer | undefined;
  for (let at = 8; at + 12 <= png.length; ) {
    const length = png.readUInt32BE(at);
    const name = png.toString('latin1', at + 4, at + 8);
    const body = png.subarray(at + 8, at + 8 + length);
    if (name === 'IHDR') header = body;
    if (name === 'IDAT') data.push(body);
    at += length + 12;
  }
  if (header?.[8] !== 8 || (header[9] !== 2 && header[9] !== 6) || header[12] !== 0) return undefined;
  const [width, height, parts] = [header.readUInt32BE(0), header.readUInt32BE(4), header[9] === 6 ? 4 : 3];
  if (width * height > 64_000_000) return undefined;
  const raw = inflateSync(Buffer.concat(data), { maxOutputLength: (width * parts + 1) * height });
  return { width, height, rgb: withoutAlpha(unfiltered(raw, { width, height }, parts), parts) };
}

/** Each line is stored as differences to the pixels on its left and above. */
function unfiltered(raw: Buffer, { width, height }: Size, parts: number): Buffer {
  const line = width * parts;
  const out = Buffer.alloc(line * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (line + 1)] ?? 0;
    for (let n = 0; n < line; n++) {
      const at = y * line + n;
      const left = n >= parts ? (out[at - parts] as number) : 0;
      const up = y > 0 ? (out[at - line] as number) : 0;
      const corner = n >= parts && y > 0 ? (out[at - line - parts] as number) : 0;
      out[at] = (raw[y * (line + 1) + 1 + n] as number) + predicted(filter, left, up, corner);
    }
  }
  return out;
}

function predicted(filter: number, left: number, up: number, corner: number): number {
  if (filter === 0) return 0;
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return (left + up) >> 1;
  const [toLeft, toUp, toCorner] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return toLeft <= toUp && toLeft <= toCorner ? left : toUp <= toCorner ? up : corner;
}

function withoutAlpha(bytes: Buffer, parts: number): Buffer {
  if (parts === 3) return bytes;
  const rgb = Buffer.alloc((bytes.length / 4) * 3);
  for (let from = 0, to = 0; from < bytes.length; from += 4, to += 3) bytes.copy(rgb, to, from, from + 3);
  return rgb;
}

export function writePng({ width, height, rgb }: Raster): Buffer {
  const line = width * 3;
  const raw = Buffer.alloc((line + 1) * height);
  for (let y = 0; y < height; y++) rgb.copy(raw, y * (line + 1) + 1, y * line, (y + 1) * line);
  return pngFile(width, height, deflateSync(raw, { level: 6 }));
}

/** Scales a part of a picture. Averages when it shrinks, so that thin lines and letters stay visible. */
export function scaled(from: Raster, region: Region, to: Size): Raster {
  const rgb = Buffer.alloc(to.width * to.height * 3);
  const [sx, sy] = [region.width / to.width, region.height / to.height];
  for (let y = 0; y < to.height; y++) {
    const [top, bottom] = span(region.y + y * sy, sy);
    for (let x = 0; x < to.width; x++) {
      const [left, right] = span(region.x + x * sx, sx);
      const at = (y * to.width + x) * 3;
      for (let part = 0; part < 3; part++) {
        let sum = 0;
        for (let v = top; v < bottom; v++)
          for (let u = left; u < right; u++) sum += from.rgb[(v * from.width + u) * 3 + part] ?? 0;
        rgb[at + part] = Math.round(sum / ((bottom - top) * (right - left)));
      }
    }
  }
  return { ...to, rgb };
}

/** The source pixels of one target pixel: at least one. */
const span = (from: number, length: number): [number, number] => {
  const first = Math.floor(from + 1e-9);
  return [first, Math.max(first + 1, Math.ceil(from + length - 1e-9))];
};
