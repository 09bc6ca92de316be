import { parentPort } from 'node:worker_threads';
import { detectPictureType, readPictureSize } from '../../../core/text/pictures.ts';
import { decodePicture, encodeRasterJpeg } from './codecs.ts';
import type { PictureFitJob, PictureScaleJob, PictureScaleResult, ScaledPicture } from './picture-scaler.ts';
import { encodeRasterPng, type Raster, scaleRaster } from './png.ts';

// Runs in a separate thread, because this work would block the server's event loop.

parentPort?.on('message', async (job: PictureScaleJob | PictureFitJob) => {
  const created = await attempt(job);
  if (!created) return void parentPort?.postMessage({ ok: false } satisfies PictureScaleResult);
  const bytes = new Uint8Array(created.bytes); // a separate copy, so that its memory can be transferred
  parentPort?.postMessage({ ok: true, mimeType: created.mimeType, bytes } satisfies PictureScaleResult, [bytes.buffer]);
});

/** Maximum number of pixels. Decoding that many takes 400 MB of memory. */
const maxPixels = 50_000_000;
/** Models see no additional detail above this number of pixels. */
const maxShownPixels = 4_000_000;

async function attempt(job: PictureScaleJob | PictureFitJob): Promise<ScaledPicture | undefined> {
  const bytes = Buffer.from(job.picture.buffer, job.picture.byteOffset, job.picture.byteLength);
  const size = readPictureSize(bytes);
  if (!size || size.width * size.height > maxPixels) return undefined;
  try {
    const raster = await decodePicture(bytes);
    if ('region' in job)
      return { mimeType: 'image/png', bytes: encodeRasterPng(scaleRaster(raster, job.region, job.size)) };
    return await fitted(raster, job, detectPictureType(bytes) === 'image/png');
  } catch {
    return undefined;
  }
}

/** PNG is sharper than JPEG, so a PNG within the limit stays a PNG. */
async function fitted(
  raster: Raster,
  { side, maxBytes }: PictureFitJob,
  isPng: boolean,
): Promise<ScaledPicture | undefined> {
  const { width, height } = raster;
  for (const most of [side, side / 4]) {
    const factor = Math.min(1, most / Math.max(width, height), Math.sqrt(maxShownPixels / (width * height)));
    const size = { width: Math.max(1, Math.round(width * factor)), height: Math.max(1, Math.round(height * factor)) };
    const small = scaleRaster(raster, { x: 0, y: 0, width, height }, size);
    const png = isPng ? encodeRasterPng(small) : undefined;
    if (png && png.length <= maxBytes) return { mimeType: 'image/png', bytes: png };
    const jpeg = await encodeRasterJpeg(small);
    if (jpeg.length <= maxBytes) return { mimeType: 'image/jpeg', bytes: jpeg };
  }
  return undefined;
}
