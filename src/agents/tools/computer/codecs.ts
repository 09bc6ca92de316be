import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import decodeJpeg, { init as initJpegDecoder } from '@jsquash/jpeg/decode.js';
import encodeJpeg, { init as initJpegEncoder } from '@jsquash/jpeg/encode.js';
import decodePng, { init as initPng } from '@jsquash/png/decode.js';
import decodeWebp, { init as initWebp } from '@jsquash/webp/decode.js';
import { detectPictureType } from '../../../core/text/pictures.ts';
import type { Raster } from './png.ts';

// WebAssembly limits a hostile image to the codecs' own memory. The codecs need `ImageData`.

globalThis.ImageData ??= class {
  readonly data: Uint8ClampedArray;
  readonly width: number;
  readonly height: number;
  constructor(data: Uint8ClampedArray, width: number, height: number) {
    this.data = data;
    this.width = width;
    this.height = height;
  }
} as unknown as typeof ImageData;

const wasm = (file: string): Buffer => readFileSync(fileURLToPath(import.meta.resolve(`@jsquash/${file}.wasm`)));
const options = (file: string) => ({ wasmBinary: wasm(file), printErr: () => {} });

/** Each image gets a new codec instance: a failed one is in an unknown state, and WebAssembly memory never shrinks. */
const decoders: Readonly<Record<string, (bytes: ArrayBuffer) => Promise<ImageData>>> = {
  'image/png': async (bytes) => {
    await initPng(wasm('png/codec/pkg/squoosh_png_bg'));
    return await decodePng(bytes);
  },
  'image/jpeg': async (bytes) => {
    await initJpegDecoder(options('jpeg/codec/dec/mozjpeg_dec'));
    return await decodeJpeg(bytes, { preserveOrientation: true });
  },
  'image/webp': async (bytes) => {
    await initWebp(options('webp/codec/dec/webp_dec'));
    return await decodeWebp(bytes);
  },
};

/** Applies a JPEG's EXIF orientation. Rejects invalid or unsupported images. */
export async function decodePicture(bytes: Uint8Array): Promise<Raster> {
  const decode = decoders[detectPictureType(Buffer.from(bytes)) ?? ''];
  if (!decode) throw new Error('not a readable picture');
  const { data, width, height } = await decode(new Uint8Array(bytes).buffer);
  return { width, height, rgba: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** Requires an opaque image. For a photograph, the JPEG is a tenth of the size of the PNG. */
export async function encodeRasterJpeg({ width, height, rgba }: Raster): Promise<Buffer> {
  await initJpegEncoder(options('jpeg/codec/enc/mozjpeg_enc'));
  const pixels = new ImageData(new Uint8ClampedArray(rgba), width, height);
  return Buffer.from(await encodeJpeg(pixels, { quality: 85, progressive: false, optimize_coding: false }));
}
