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

interface Request {
  readonly call: readonly unknown[];
  readonly chars: number;
  resolve(value: never): void;
  reject(error: AppError): void;
}

/** The caller's end of a store thread. Only one batch is under way at a time; requests meanwhile form the next one. */
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
  const waiting: Request[] = [];
  let away: Request[] = [];
  let chars = 0;
  let ended: AppError | undefined;
  const idle: (() => void)[] = [];

  function plan(): void {
    if (away.length === 0 && waiting.length > 0) send();
  }

  function send(): void {
    if (ended) return;
    let [count, size] = [0, 0];
    for (const request of waiting) {
      if (count === batchLimits.requests || (count > 0 && size + request.chars > batchLimits.chars)) break;
      count++;
      size += request.chars;
    }
    chars -= size;
    away = waiting.splice(0, count);
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
    if (away.length === 0 && waiting.length === 0) for (const told of idle.splice(0)) told();
  }

  function end(error: AppError): void {
    ended ??= error;
    for (const request of [...away.splice(0), ...waiting.splice(0)]) request.reject(ended);
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
      return away.length + waiting.length;
    },
    call(name, args, size = 0) {
      const { promise, resolve, reject } = Promise.withResolvers<never>();
      if (ended) reject(ended);
      else if (waiting.length >= limits.requests || chars + size > limits.chars) reject(full());
      else {
        chars += size;
        waiting.push({ call: [name, ...args], chars: size, resolve, reject });
        plan();
      }
      return promise;
    },
    async [Symbol.asyncDispose]() {
      if (!ended && (away.length > 0 || waiting.length > 0)) await new Promise<void>((resolve) => idle.push(resolve));
      end(new AppError('store_unavailable', 'The store is closed.'));
      worker.postMessage(null);
      await gone;
    },
  };
}

const full = () => new AppError('store_busy', 'The store has more to do than it can: too many requests wait for it.');

export function errorOf([, code, text, cause]: Extract<Reply, readonly [ok: false, ...unknown[]]>): AppError {
  return new AppError(code, text, cause === '' ? {} : { cause });
}
