import { Worker } from 'node:worker_threads';
import { orAborted, throwIfFired } from '../../core/cancel.ts';
import { AppError } from '../../core/errors.ts';
import type { Region } from './png.ts';
import type { Size } from './screen.ts';

export interface ScaleJob {
  readonly png: Uint8Array;
  /** The part of the picture to show, in its own pixels. */
  readonly region: Region;
  /** The size of the result. */
  readonly size: Size;
}
export type Scaled = { readonly ok: true; readonly png: Uint8Array<ArrayBuffer> } | { readonly ok: false };

interface Options {
  readonly start?: () => Worker;
  /** The pictures that may wait or be at work at once. */
  readonly maxPending?: number;
}
const restMs = 10_000;
/** Scaling the largest picture takes a few seconds. */
const patienceMs = 30_000;

/**
 * Scales PNG pictures in one thread, one after another. The thread starts with the first picture and ends when it has
 * rested for ten seconds, or with the scaler.
 */
export class PictureScaler implements AsyncDisposable {
  readonly #start: () => Worker;
  readonly #maxPending: number;
  #pending = 0;
  #last: Promise<unknown> = Promise.resolve();
  #worker: Worker | undefined;
  #rest: NodeJS.Timeout | undefined;

  constructor({ start = startWorker, maxPending = 64 }: Options = {}) {
    this.#start = start;
    this.#maxPending = maxPending;
  }

  /**
   * The part of the picture as a PNG of the wanted size. A thread that dies is replaced, and the picture tried once more.
   * Rejects: unsupported (no readable picture), queue_full, cancelled, deadline_exceeded.
   */
  async scale(job: ScaleJob, signal: AbortSignal): Promise<Buffer> {
    throwIfFired(signal);
    if (this.#pending >= this.#maxPending) {
      throw new AppError('queue_full', 'Too many pictures of screens are being scaled. Try again soon.');
    }
    this.#pending++;
    const turn = this.#last.then(async () => {
      throwIfFired(signal);
      return (await this.#ask(job)) ?? (await this.#ask(job));
    });
    this.#last = turn.catch(() => {}).finally(() => this.#pending--);
    const said = await orAborted(turn, signal);
    if (!said?.ok) throw new AppError('unsupported', 'The picture of the screen could not be read.');
    return Buffer.from(said.png.buffer);
  }

  /** Undefined if the thread died or took too long. */
  async #ask(job: ScaleJob): Promise<Scaled | undefined> {
    clearTimeout(this.#rest);
    this.#worker ??= this.#started();
    const worker = this.#worker;
    worker.ref();
    const { promise, resolve } = Promise.withResolvers<Scaled | undefined>();
    const lost = () => resolve(undefined);
    const timer = setTimeout(lost, patienceMs);
    worker.once('message', resolve).once('error', lost).once('exit', lost);
    worker.postMessage(job);
    const said = await promise;
    clearTimeout(timer);
    worker.off('message', resolve).off('error', lost).off('exit', lost);
    worker.unref();
    if (said) this.#rest = setTimeout(() => void this[Symbol.asyncDispose](), restMs).unref();
    else await this[Symbol.asyncDispose]();
    return said;
  }

  #started(): Worker {
    const worker = this.#start();
    worker.on('error', () => {}); // the pending picture, if any, handles the error
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }

  /** Ends the thread. A later picture starts another. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#rest);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function startWorker(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './scale-worker.ts' : './scale-worker.js'; // the sources, or tsc's output
  const resourceLimits = { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 16 };
  return new Worker(new URL(file, import.meta.url), {
    name: 'pictures of screens',
    resourceLimits,
    env: {},
    execArgv: [],
  });
}

/** The one that all sandboxes share. */
export const pictureScaler = new PictureScaler();
