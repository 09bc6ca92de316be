import { parentPort } from 'node:worker_threads';
import type { ScaleJob, ScaleResult } from './picture-scaler.ts';
import { readPng, scaled, writePng } from './png.ts';

// Unpacks, scales and packs pictures of the screen, which takes too long for the server's event loop.

parentPort?.on('message', (job: ScaleJob) => {
  const png = attempt(job);
  if (!png) return void parentPort?.postMessage({ ok: false } satisfies ScaleResult);
  const own = new Uint8Array(png); // a memory of its own, so that it can be transferred
  parentPort?.postMessage({ ok: true, png: own } satisfies ScaleResult, [own.buffer]);
});

/** Undefined if the bytes are no readable picture. */
function attempt({ png, region, size }: ScaleJob): Buffer | undefined {
  try {
    const picture = readPng(Buffer.from(png.buffer, png.byteOffset, png.byteLength));
    return picture && writePng(scaled(picture, region, size));
  } catch {
    return undefined;
  }
}
