import { deflateSync } from 'node:zlib';
import { buildPngFile, pngSignature } from '../../../core/text/pictures.ts';
import type { Size } from './screen.ts';

export interface Raster extends Size {
  readonly rgba: Uint8Array;
}
export interface Region extends Size {
  readonly x: number;
  readonly y: number;
}

export function readPngSize(png: Buffer): Size | undefined {
  if (png.length < 24 || !png.subarray(0, 8).equals(pngSignature)) return undefined;
  return { width: png.readUInt32BE(16), height: png.readUInt32BE(20) };
}

export function encodeRasterPng({ width, height, rgba }: Raster): Buffer {
  const raw = Buffer.alloc((width * 3 + 1) * height);
  let to = 0;
  for (let from = 0; from < width * height * 4; from += 4) {
    if (from % (width * 4) === 0) raw[to++] = 0; // no filter
    for (let part = 0; part < 3; part++) raw[to++] = rgba[from + part] ?? 0;
  }
  return buildPngFile(width, height, deflateSync(raw, { level: 6 }));
}

/** Averages pixels, so that thin lines stay visible. Blends transparent pixels with white. */
export function scaleRaster(from: Raster, region: Region, to: Size): Raster {
  const rgba = Buffer.alloc(to.width * to.height * 4, 255);
  const [sx, sy] = [region.width / to.width, region.height / to.height];
  for (let y = 0; y < to.height; y++) {
    const [top, bottom] = span(region.y + y * sy, sy);
    for (let x = 0; x < to.width; x++) {
      const [left, right] = span(region.x + x * sx, sx);
      let [red, green, blue] = [0, 0, 0];
      for (let v = top; v < bottom; v++)
        for (let u = left; u < right; u++) {
          const at = (v * from.width + u) * 4;
          const opacity = (from.rgba[at + 3] ?? 0) / 255;
          const white = 255 * (1 - opacity);
          red += (from.rgba[at] ?? 0) * opacity + white;
          green += (from.rgba[at + 1] ?? 0) * opacity + white;
          blue += (from.rgba[at + 2] ?? 0) * opacity + white;
        }
      const count = (bottom - top) * (right - left);
      const at = (y * to.width + x) * 4;
      rgba[at] = Math.round(red / count);
      rgba[at + 1] = Math.round(green / count);
      rgba[at + 2] = Math.round(blue / count);
    }
  }
  return { ...to, rgba };
}

const span = (from: number, length: number): [number, number] => {
  const first = Math.floor(from + 1e-9);
  return [first, Math.max(first + 1, Math.ceil(from + length - 1e-9))];
};
