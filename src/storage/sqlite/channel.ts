import { Worker } from 'node:worker_threads';
import { AppError } from '../../core/errors/errors.ts';
import { getArmedFailpointSpec } from '../../core/errors/failpoint.ts';
import type { DatabaseOptions } from './database.ts';
import type { ReadOperations } from './reads.ts';
import type { StoreCall, StoreOperations, StoreReply } from './transaction.ts';
import type { CallBatch, ReplyBatch, StoreLane, StoreWorkerInput } from './worker.ts';
import type { WriteOperations } from './writes.ts';

/** Requests beyond these limits are refused immediately with `store_busy`. */
export interface QueueLimits {
  readonly requests: number;
  readonly chars: number;
}
/** Limits for one message to the thread. A message with writes is one transaction. */
const batchLimits: QueueLimits = { requests: 512, chars: 4 * 1024 * 1024 };

/** Requests with more characters than this are bulk requests: command output, files, whole logs. */
const bulkChars = 16 * 1024;
/** Maximum characters of bulk requests in one message, unless a single request is larger. */
const bulkPerBatch = 512 * 1024;

interface Request {
  readonly call: StoreCall;
  readonly chars: number;
  resolve(value: never): void;
  reject(error: AppError): void;
}

/** Batches requests to the store's thread. Small requests go first, and each batch includes some bulk requests. */
export interface StoreChannel<Ops extends StoreOperations> {
  /** `chars`: characters in the arguments. */
  call<Name extends string & keyof Ops>(
    name: Name,
    args: Parameters<Ops[Name]>,
    chars?: number,
  ): Promise<ReturnType<Ops[Name]>>;
}

/** Disposing completes all pending requests. */
export interface StoreThread extends AsyncDisposable {
  readonly reads: StoreChannel<ReadOperations>;
  readonly writes: StoreChannel<WriteOperations>;
}

export async function openStoreThread(input: DatabaseOptions, limits: QueueLimits): Promise<StoreThread> {
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js';
  const worker = new Worker(new URL(file, import.meta.url), {
    name: 'store',
    workerData: { ...input, failpoints: getArmedFailpointSpec() } satisfies StoreWorkerInput,
    // node:sqlite is experimental, but pinned and covered by the contract suite
    execArgv: ['--disable-warning=ExperimentalWarning'],
    env: {},
  });
  const laneOf = <Ops extends StoreOperations>(lane: StoreLane) =>
    new RequestQueue<Ops>((calls) => worker.postMessage({ lane, calls } satisfies CallBatch), limits);
  const lanes = { reads: laneOf<ReadOperations>('reads'), writes: laneOf<WriteOperations>('writes') };
  const end = (error: AppError) => {
    for (const lane of Object.values(lanes)) lane.end(error);
  };
  const lost = (cause: unknown) =>
    end(new AppError('store_unavailable', 'The store’s thread ended; the server must be restarted.', { cause }));
  const ready = lanes.writes.expectStart();
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('message', ({ lane, replies }: ReplyBatch) => lanes[lane].received(replies));
  worker.on('error', lost).on('exit', lost);
  await ready.catch(async (thrown) => {
    await gone;
    throw thrown;
  });
  return {
    ...lanes,
    async [Symbol.asyncDispose]() {
      await Promise.all([lanes.reads.idle(), lanes.writes.idle()]);
      end(new AppError('store_unavailable', 'The store is closed.'));
      worker.postMessage(null);
      await gone;
    },
  };
}

class RequestQueue<Ops extends StoreOperations> implements StoreChannel<Ops> {
  readonly #send: (calls: readonly StoreCall[]) => void;
  readonly #limits: QueueLimits;
  readonly #small: Request[] = [];
  readonly #bulk: Request[] = [];
  #away: Request[] = [];
  #isPlanned = false;
  #chars = 0;
  #ended: AppError | undefined;
  readonly #idle: (() => void)[] = [];

  constructor(send: (calls: readonly StoreCall[]) => void, limits: QueueLimits) {
    this.#send = send;
    this.#limits = limits;
  }

  expectStart(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#away = [{ call: ['start'], chars: 0, resolve, reject }];
    return promise;
  }

  call<Name extends string & keyof Ops>(name: Name, args: Parameters<Ops[Name]>, size = 0) {
    const { promise, resolve, reject } = Promise.withResolvers<never>();
    if (this.#ended) reject(this.#ended);
    else if (this.#waiting >= this.#limits.requests || this.#chars + size > this.#limits.chars) reject(full());
    else {
      this.#chars += size;
      (size > bulkChars ? this.#bulk : this.#small).push({ call: [name, ...args], chars: size, resolve, reject });
      this.#plan();
    }
    return promise;
  }

  received(replies: readonly StoreReply[]): void {
    const answered = this.#away;
    this.#away = [];
    replies.forEach((reply, n) => {
      if (reply[0]) answered[n]?.resolve(reply[1] as never);
      else answered[n]?.reject(errorOf(reply));
    });
    this.#plan();
  }

  /** Resolves when every request made so far has been answered. */
  async idle(): Promise<void> {
    if (!this.#ended && this.#away.length + this.#waiting > 0)
      await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  end(error: AppError): void {
    this.#ended ??= error;
    const left = [...this.#away.splice(0), ...this.#small.splice(0), ...this.#bulk.splice(0)];
    for (const request of left) request.reject(this.#ended);
    for (const report of this.#idle.splice(0)) report();
  }

  get #waiting(): number {
    return this.#small.length + this.#bulk.length;
  }

  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    queueMicrotask(() => {
      this.#isPlanned = false;
      this.#sendNext();
      if (this.#away.length === 0) for (const report of this.#idle.splice(0)) report();
    });
  }

  #sendNext(): void {
    if (this.#ended || this.#away.length > 0 || this.#waiting === 0) return;
    const first = takeBatch(this.#small, batchLimits);
    const room = { requests: batchLimits.requests - first.length, chars: bulkPerBatch };
    this.#away = [...first, ...takeBatch(this.#bulk, { ...room, requests: Math.max(1, room.requests) })];
    for (const request of this.#away) this.#chars -= request.chars;
    this.#send(this.#away.map(({ call }) => call));
  }
}

/** Removes as many requests as the limits allow, but at least one. */
function takeBatch(waiting: Request[], limits: QueueLimits): Request[] {
  let [count, chars] = [0, 0];
  for (const request of waiting) {
    if (count === limits.requests || (count > 0 && chars + request.chars > limits.chars)) break;
    count++;
    chars += request.chars;
  }
  return waiting.splice(0, count);
}

const full = () => new AppError('store_busy', 'The store is overloaded: too many requests are waiting.');

function errorOf([, code, text, cause]: Extract<StoreReply, readonly [ok: false, ...unknown[]]>): AppError {
  return new AppError(code, text, cause === '' ? {} : { cause });
}
