import { Worker } from 'node:worker_threads';
import { fits, spares } from '../../../core/concurrency/spare-buffers.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { AnswerName, AnswerOf } from './answers.ts';
import { type ValidationResult, validateAnswer } from './validate-answer.ts';

export interface Work {
  readonly name: string;
  /** The answer is its beginning. */
  readonly bytes: ArrayBuffer;
  readonly length: number;
}
export interface Verdict {
  readonly said: Judgement;
  /** The memory of the answer, for the next one. */
  readonly bytes: ArrayBuffer;
}
type Judgement =
  | (ValidationResult<never> & { readonly ok: false })
  | {
      readonly ok: true;
      readonly rest: object;
      /** The field that the list belongs to; undefined when the answer itself is the list. */
      readonly key: string | undefined;
      /** The list's items, as JSON texts of arrays. */
      readonly parts: readonly ArrayBuffer[];
      readonly texts: readonly LongText[];
    };
/** A long text that was taken out of the answer. */
export interface LongText {
  /** The object in `rest` that it belongs to. */
  readonly holder: Record<string, unknown>;
  readonly key: string;
  readonly pieces: readonly { readonly bytes: ArrayBuffer; readonly encoding: 'latin1' | 'utf16le' }[];
}

/** Parsing fewer bytes blocks the event loop for no more than a millisecond or two. */
export const onLoopBytes = 64 * 1024;
const heapMb = 128;
const restMs = 10_000;
/** Parsing the largest answer takes less than a second, even on a busy machine. */
const patienceMs = 30_000;

/**
 * Parses and checks an answer. Large answers are parsed in another thread, which takes their memory: nothing else may
 * use it.
 */
export async function validateInThread<Name extends AnswerName>(
  name: Name,
  bytes: Buffer,
): Promise<ValidationResult<AnswerOf<Name>>> {
  if (bytes.length <= onLoopBytes) return validateAnswer(name, bytes);
  const said = await inTurn(() => asked({ name, bytes: owned(bytes), length: bytes.length }));
  if (!said.ok) return said;
  for (const { holder, key, pieces } of said.texts) {
    let text = '';
    for (const { bytes: piece, encoding } of pieces) {
      text += Buffer.from(piece).toString(encoding); // the engine joins them when somebody reads the text
      piece.transfer(0);
      await new Promise(setImmediate);
    }
    holder[key] = text;
  }
  const items: unknown[] = [];
  for (const part of said.parts) {
    for (const item of JSON.parse(Buffer.from(part).toString())) items.push(item);
    part.transfer(0); // frees its memory now, instead of after the next full collection
    await new Promise(setImmediate);
  }
  const value =
    said.key === undefined ? (Array.isArray(said.rest) ? items : said.rest) : { ...said.rest, [said.key]: items };
  return { ok: true, value: value as AnswerOf<Name> };
}

/** A buffer of which the answer is the most, so that it is transferred to the thread instead of copied. */
function owned({ buffer, byteOffset, byteLength }: Buffer): ArrayBuffer {
  if (byteOffset === 0 && buffer instanceof ArrayBuffer && fits(buffer.byteLength, byteLength)) return buffer;
  return buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer;
}

// One thread serves all sandboxes: large answers wait for one another, and the server never waits for them.
let thread: Worker | undefined;
let rest: NodeJS.Timeout | undefined;
let last: Promise<unknown> = Promise.resolve();

function inTurn<Value>(act: () => Promise<Value>): Promise<Value> {
  const next = last.then(act, act);
  last = next.catch(() => {});
  return next;
}

async function asked(work: Work): Promise<Judgement> {
  clearTimeout(rest);
  thread ??= start();
  const worker = thread;
  worker.ref();
  const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
  const timer = setTimeout(() => end(new Error('it took too long')), patienceMs);
  const end = (error: Error) => {
    thread = undefined;
    void worker.terminate();
    reject(error);
  };
  const left = () => end(new Error('the thread ended'));
  worker.once('message', resolve).once('error', end).once('exit', left);
  try {
    worker.postMessage(work, [work.bytes]);
    const { said, bytes } = await promise;
    spares.give(bytes);
    return said;
  } catch (cause) {
    // The thread's heap overflowed although the answer passed the count of values. No honest answer does that.
    if ((cause as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') {
      return { ok: false, reason: 'too_complex', detail: `more than ${heapMb} MiB to build` };
    }
    throw new AppError('sandbox_unavailable', "The sandbox's answer could not be read in time. Try again.", { cause });
  } finally {
    clearTimeout(timer);
    worker.off('message', resolve).off('error', end).off('exit', left);
    worker.unref();
    rest = setTimeout(stop, restMs).unref();
  }
}

function start(): Worker {
  const file = import.meta.url.endsWith('.ts') ? './validation-worker.ts' : './validation-worker.js'; // the sources, or tsc's output
  const worker = new Worker(new URL(file, import.meta.url), {
    name: 'answers of sandboxes',
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: 16 },
    env: {},
    execArgv: [],
  });
  worker.on('error', () => {}); // the pending call, if any, handles the error
  worker.once('exit', () => {
    if (thread === worker) thread = undefined;
  });
  return worker;
}

/** Ends the idle thread to free its memory. */
function stop(): void {
  spares.clear();
  void thread?.terminate();
  thread = undefined;
}
