import { Worker } from 'node:worker_threads';
import { AppError } from '../../core/errors.ts';
import { armedSpec } from '../../core/failpoint.ts';
import type { Operations, Reply } from './transaction.ts';
import type { WorkerInput } from './worker.ts';

/** The limits of the queue to the thread; a request above them is refused at once with `store_busy`. */
export interface QueueLimits {
  readonly requests: number;
  readonly chars: number;
}
/** The limits of one message to the thread, which is one transaction. */
const batchLimits: QueueLimits = { requests: 512, chars: 4 * 1024 * 1024 };

/** In characters. A request with more is bulk: output of commands, files, whole logs. */
const bulkChars = 16 * 1024;
/** The most bulk in one message, beyond its first request: small requests wait for the whole message's commit. */
const bulkPerBatch = 512 * 1024;

interface Request {
  readonly call: readonly unknown[];
  readonly chars: number;
  resolve(value: never): void;
  reject(error: AppError): void;
}

/**
 * The caller's end of a store thread. Only one batch is under way at a time; requests meanwhile form the next one. Small
 * requests go first, each kind in order: a person's message never waits for the output of others. Each batch takes some
 * of the bulk, so that it does not starve.
 */
export interface Channel<Ops extends Operations> extends AsyncDisposable {
  /** The number of unanswered requests. */
  readonly pending: number;
  /** `chars`: the characters in the arguments. */
  call<Name extends string & keyof Ops>(
    name: Name,
    args: Parameters<Ops[Name]>,
    chars?: number,
  ): Promise<ReturnType<Ops[Name]>>;
}

export async function openChannel<Ops extends Operations>(
  input: Omit<WorkerInput, 'failpoints'>,
  limits: QueueLimits,
): Promise<Channel<Ops>> {
  const file = import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js'; // the sources, or tsc's output
  const worker = new Worker(new URL(file, import.meta.url), {
    name: `store ${input.role}`,
    workerData: { ...input, failpoints: armedSpec() } satisfies WorkerInput,
    execArgv: ['--disable-warning=ExperimentalWarning'], // node:sqlite: pinned, and covered by the contract suite
    env: {},
  });
  const small: Request[] = [];
  const bulk: Request[] = [];
  let away: Request[] = [];
  let chars = 0;
  let ended: AppError | undefined;
  const idle: (() => void)[] = [];

  const waits = () => small.length + bulk.length;

  function plan(): void {
    if (away.length === 0 && waits() > 0) send();
  }

  function send(): void {
    if (ended) return;
    const first = batchOf(small, batchLimits);
    const room = { requests: batchLimits.requests - first.length, chars: bulkPerBatch };
    away = [...first, ...batchOf(bulk, { ...room, requests: Math.max(1, room.requests) })];
    for (const request of away) chars -= request.chars;
    worker.postMessage(away.map(({ call }) => call));
  }

  function received(replies: readonly Reply[]): void {
    const answered = away;
    away = [];
    replies.forEach((reply, n) => {
      if (reply[0]) answered[n]?.resolve(reply[1] as never);
      else answered[n]?.reject(errorOf(reply));
    });
    plan();
    if (away.length === 0 && waits() === 0) for (const told of idle.splice(0)) told();
  }

  function end(error: AppError): void {
    ended ??= error;
    for (const request of [...away.splice(0), ...small.splice(0), ...bulk.splice(0)]) request.reject(ended);
    for (const told of idle.splice(0)) told();
  }

  const lost = (cause: unknown) =>
    end(new AppError('store_unavailable', 'The store’s thread ended; the server must be restarted.', { cause }));
  const ready = Promise.withResolvers<void>();
  away = [{ call: [], chars: 0, resolve: ready.resolve, reject: ready.reject }]; // the first message answers this
  const gone = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.on('message', received).on('error', lost).on('exit', lost);
  await ready.promise.catch(async (thrown) => {
    await gone;
    throw thrown;
  });

  return {
    get pending() {
      return away.length + waits();
    },
    call(name, args, size = 0) {
      const { promise, resolve, reject } = Promise.withResolvers<never>();
      if (ended) reject(ended);
      else if (waits() >= limits.requests || chars + size > limits.chars) reject(full());
      else {
        chars += size;
        (size > bulkChars ? bulk : small).push({ call: [name, ...args], chars: size, resolve, reject });
        plan();
      }
      return promise;
    },
    async [Symbol.asyncDispose]() {
      if (!ended && away.length + waits() > 0) await new Promise<void>((resolve) => idle.push(resolve));
      end(new AppError('store_unavailable', 'The store is closed.'));
      worker.postMessage(null);
      await gone;
    },
  };
}

/** Takes the first requests out, within the limits, but always one. */
function batchOf(waiting: Request[], limits: QueueLimits): Request[] {
  let [count, chars] = [0, 0];
  for (const request of waiting) {
    if (count === limits.requests || (count > 0 && chars + request.chars > limits.chars)) break;
    count++;
    chars += request.chars;
  }
  return waiting.splice(0, count);
}

const full = () => new AppError('store_busy', 'The store has more to do than it can: too many requests wait for it.');

export function errorOf([, code, text, cause]: Extract<Reply, readonly [ok: false, ...unknown[]]>): AppError {
  return new AppError(code, text, cause === '' ? {} : { cause });
}
