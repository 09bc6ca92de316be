import { Worker } from 'node:worker_threads';
import { JobThread } from '../../../core/concurrency/job-thread.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { Region } from './png.ts';
import type { Size } from './screen.ts';

export interface PictureScaleJob {
  readonly picture: Uint8Array;
  /** In the image's pixels. */
  readonly region: Region;
  readonly size: Size;
}
export interface PictureFitJob {
  readonly picture: Uint8Array;
  readonly side: number;
  readonly maxBytes: number;
}
export interface ScaledPicture {
  readonly mimeType: 'image/png' | 'image/jpeg';
  readonly bytes: Uint8Array;
}
export type PictureScaleResult =
  | { readonly ok: true; readonly mimeType: ScaledPicture['mimeType']; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly ok: false };

interface Options {
  readonly start?: () => Worker;
  readonly maxPending?: number;
}
const patienceMs = 30_000;
const full = 'Too many pictures are being scaled. Try again soon.';

export class PictureScaler implements AsyncDisposable {
  readonly #thread: JobThread<PictureScaleJob | PictureFitJob, PictureScaleResult>;

  constructor({ start = startWorker, maxPending = 64 }: Options = {}) {
    this.#thread = new JobThread({ start, maxPending, full, patienceMs, tries: 2 });
  }

  /** Returns a PNG. Rejects with unsupported (unreadable or too costly), queue_full, cancelled or deadline_exceeded. */
  async scale(job: PictureScaleJob, signal: AbortSignal): Promise<Buffer> {
    const reply = await this.#thread.do(job, signal);
    if (!reply?.ok) throw new AppError('unsupported', 'The picture of the screen could not be read.');
    return Buffer.from(reply.bytes.buffer);
  }

  /** Undefined if the image cannot be read or made to fit. Rejects with queue_full, cancelled or deadline_exceeded. */
  async fit(job: PictureFitJob, signal: AbortSignal): Promise<ScaledPicture | undefined> {
    const reply = await this.#thread.do(job, signal);
    return reply?.ok ? reply : undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }
}

function startWorker(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './scale-worker.ts' : './scale-worker.js';
  const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 };
  return new Worker(new URL(file, import.meta.url), {
    name: 'pictures',
    resourceLimits,
    env: {},
    execArgv: [],
  });
}

export const pictureScaler = new PictureScaler();
