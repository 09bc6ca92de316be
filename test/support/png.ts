import { inflateSync } from 'node:zlib';

export interface Picture {
  readonly width: number;
  readonly height: number;
  /** The pixel's red, green and blue. */
  at(x: number, y: number): readonly number[];
}

/** Reads a PNG of 8-bit RGB whose rows have no filter, as the daemon writes it. */
export function readPng(bytes: Buffer): Picture {
  if (bytes.toString('latin1', 1, 4) !== 'PNG') throw new Error('that is no PNG');
  const data: Buffer[] = [];
  for (let at = 8; at < bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    if (bytes.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(bytes.subarray(at + 8, at + 8 + size));
    at += 12 + size;
  }
  const [width, height] = [bytes.readUInt32BE(16), bytes.readUInt32BE(20)];
  const rows = inflateSync(Buffer.concat(data));
  return {
    width,
    height,
    at(x, y) {
      const start = y * (1 + width * 3) + 1 + x * 3;
      return [...rows.subarray(start, start + 3)];
    },
  };
}
