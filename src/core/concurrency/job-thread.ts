import type { Worker } from 'node:worker_threads';
import { AppError } from '../errors/errors.ts';
import { raceAbort, throwIfAborted } from './cancel.ts';

interface Options {
  readonly start: () => Worker;
  readonly maxPending: number;
  readonly full: string;
  readonly patienceMs: number;
  /** Maximum attempts per job, including the first. A job is retried only if the thread sent no reply. */
  readonly tries: number;
}
const restMs = 10_000;

/** Runs jobs one at a time. The thread ends after ten idle seconds. */
export class JobThread<Job, Result> implements AsyncDisposable {
  readonly #options: Options;
  #pending = 0;
  #last: Promise<unknown> = Promise.resolve();
  #worker: Worker | undefined;
  #rest: NodeJS.Timeout | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Undefined on a send failure, thread crash or timeout. Rejects: queue_full, cancelled, deadline_exceeded. */
  async do(job: Job, signal: AbortSignal): Promise<Result | undefined> {
    throwIfAborted(signal);
    if (this.#pending >= this.#options.maxPending) throw new AppError('queue_full', this.#options.full);
    this.#pending++;
    const turn = this.#last.then(async () => {
      throwIfAborted(signal);
      let reply: Result | undefined;
      for (let left = this.#options.tries; left > 0 && reply === undefined; left--) reply = await this.#ask(job);
      return reply;
    });
    this.#last = turn.catch(() => {}).finally(() => this.#pending--);
    return await raceAbort(turn, signal);
  }

  async #ask(job: Job): Promise<Result | undefined> {
    clearTimeout(this.#rest);
    this.#worker ??= this.#started();
    const worker = this.#worker;
    worker.ref();
    const { promise, resolve } = Promise.withResolvers<Result | undefined>();
    const lost = () => resolve(undefined);
    const timer = setTimeout(lost, this.#options.patienceMs);
    worker.once('message', resolve).once('error', lost).once('exit', lost);
    try {
      worker.postMessage(job);
    } catch {
      lost(); // nested too deeply to be cloned
    }
    const reply = await promise;
    clearTimeout(timer);
    worker.off('message', resolve).off('error', lost).off('exit', lost);
    worker.unref();
    if (reply) this.#rest = setTimeout(() => void this[Symbol.asyncDispose](), restMs).unref();
    else await this[Symbol.asyncDispose]();
    return reply;
  }

  #started(): Worker {
    const worker = this.#options.start();
    worker.on('error', () => {}); // the pending job, if any, handles the error
    worker.once('exit', () => {
      if (this.#worker === worker) this.#worker = undefined;
    });
    return worker;
  }

  /** Ends the thread. A later job starts another. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#rest);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
