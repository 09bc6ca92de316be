import { raceAbort, sleep } from '../../core/concurrency/cancel.ts';
import { waitForNextLoopTurn } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import { parseJson } from '../../core/text/json.ts';
import { truncateStart } from '../../core/text/text.ts';
import type { ProgramClient, ProgramPipes } from '../../sandboxes/client/client.ts';
import { type CodeError, type CodeResult, KernelMessage } from './messages.ts';

type OutputStream = 'stdout' | 'stderr';
export interface CellListener {
  onText(stream: OutputStream, text: string): void;
  onResult(result: CodeResult): void;
  onStart?(count: number): void;
  /** Called after each chunk of output. Reading continues once the promise resolves. */
  room?(): Promise<unknown>;
}
export interface CellEnd {
  readonly count: number;
  readonly error?: CodeError | undefined;
}

/** Results may contain images. */
const messageLimits = { maxBytes: 64 * 1024 * 1024, maxDepth: 32, maxValues: 10_000 };

interface AwaitedReply {
  readonly type: 'hello' | 'end';
  readonly listener: CellListener | undefined;
  readonly seen: Set<OutputStream>;
  readonly done: PromiseWithResolvers<CellEnd>;
  end: CellEnd;
}
interface KernelProgram {
  readonly nonce: string;
  interrupt(signal: AbortSignal): Promise<void>;
}
const notFoundExit = 127;
const keptChars = 64 * 1024;
const againMs = 300;

async function isSettled(work: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  const ended = work.then(
    () => true,
    () => true,
  );
  return await Promise.race([ended, sleep(againMs, signal).then(() => false)]);
}

export class KernelConnection {
  readonly #program: KernelProgram;
  #pipes: ProgramPipes | undefined;
  #awaited: AwaitedReply | undefined;
  /** Output that background threads and processes print between executions, kept for the next execution. */
  readonly #early = { stdout: '', stderr: '' };
  readonly #gone = Promise.withResolvers<never>();
  exitCode: number | undefined;

  private constructor(program: KernelProgram) {
    this.#program = program;
    this.#gone.promise.catch(() => {});
  }

  /**
   * Interrupts an earlier cell and drops earlier output. Rejects with file_not_found (no interpreter), not_found
   * (program ended) or unsupported (invalid message), and as `ProgramClient` does.
   */
  static async open(
    programs: ProgramClient,
    { id, nonce, mayBeAtWork }: { readonly id: string; readonly nonce: string; readonly mayBeAtWork: boolean },
    signal: AbortSignal,
  ): Promise<KernelConnection> {
    const connection = new KernelConnection({ nonce, interrupt: (until) => programs.signal(id, 'SIGINT', until) });
    const [stdout, stderr] = [connection.#reader('stdout'), connection.#reader('stderr')];
    const pipes = await programs.attach(id, { onOutput: stdout, onErrors: stderr }, signal);
    connection.#pipes = pipes;
    pipes.ended.then(
      ({ exitCode }) => connection.#lose(new AppError('not_found', 'The kernel has ended.'), exitCode),
      (thrown: unknown) => connection.#lose(thrown),
    );
    try {
      const hello = connection.#hello(signal);
      // Interrupt only if needed, because SIGINT ends a Node kernel that is switching handlers.
      if (!mayBeAtWork || (await isSettled(hello, signal))) await hello;
      else await connection.interrupt(hello, signal);
    } catch (thrown) {
      pipes.detach();
      if (connection.exitCode === notFoundExit) throw new AppError('file_not_found', 'The kernel has no interpreter.');
      throw thrown;
    }
    connection.#early.stdout = '';
    connection.#early.stderr = '';
    return connection;
  }

  /** Rejects if the kernel ends, sends an invalid message or disconnects. Only the kernel's end sets `exitCode`. */
  async execute(code: string, listener: CellListener, env?: Readonly<Record<string, string>>): Promise<CellEnd> {
    for (const stream of ['stdout', 'stderr'] as const) {
      if (this.#early[stream] !== '') listener.onText(stream, this.#early[stream]);
      this.#early[stream] = '';
    }
    return await this.#ask('end', { code, ...(env && { env }) }, listener);
  }

  /** Interrupts repeatedly until `work` settles. Rejects if `work` rejects or the signal aborts. */
  async interrupt<End>(work: Promise<End>, signal: AbortSignal): Promise<End> {
    // A kernel ignores an interrupt that arrives before a cell starts, so repeat it.
    do await this.#program.interrupt(signal);
    while (!(await isSettled(work, signal)));
    const end = await work;
    await this.#hello(signal); // after this answer, no late interrupt can reach the next cell
    return end;
  }

  detach(): void {
    this.#pipes?.detach();
  }

  async #hello(signal: AbortSignal): Promise<void> {
    await raceAbort(this.#ask('hello', { nonce: this.#program.nonce }), signal);
  }

  async #ask(type: AwaitedReply['type'], request: object, listener?: CellListener): Promise<CellEnd> {
    const done = Promise.withResolvers<CellEnd>();
    this.#awaited = { type, listener, seen: new Set(), done, end: { count: 0 } };
    const line = JSON.stringify({ type: type === 'hello' ? 'hello' : 'execute', ...request });
    const requested = this.#pipes?.write(Buffer.from(`${line}\n`)) ?? Promise.resolve();
    requested.catch(() => {}); // failed writes are reported when the pipes close
    return await Promise.race([done.promise, this.#gone.promise]).finally(() => {
      this.#awaited = undefined;
    });
  }

  #reader(stream: OutputStream): (chunk: Buffer) => Promise<void> {
    const marks = createKernelOutputParser(this.#program.nonce);
    // Decode after splitting, so that invalid bytes in a cell's output cannot corrupt messages.
    const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
    const split = (chunk: Buffer): KernelOutputPart[] => {
      try {
        return marks.push(chunk);
      } catch (thrown) {
        this.#fail((thrown as RangeError).message);
        return [];
      }
    };
    return async (chunk) => {
      for (const { kind, bytes } of split(chunk)) {
        if (kind === 'message') this.#receive(stream, bytes);
        else this.#printed(stream, decoder.decode(bytes, { stream: true }));
      }
      await this.#awaited?.listener?.room?.();
      await waitForNextLoopTurn();
    };
  }

  #printed(stream: OutputStream, text: string): void {
    if (text === '') return;
    const listener = this.#awaited?.listener;
    if (listener) listener.onText(stream, text);
    else this.#early[stream] = truncateStart(this.#early[stream] + text, keptChars);
  }

  #receive(stream: OutputStream, bytes: Buffer): void {
    const json = parseJson(bytes, messageLimits);
    const { data: message } = KernelMessage.safeParse(json.ok ? json.value : undefined);
    if (!message) {
      this.#fail('an unknown message');
      return;
    }
    const awaited = this.#awaited;
    if (message.type === 'begin') awaited?.listener?.onStart?.(message.count);
    if (message.type === 'result') awaited?.listener?.onResult(message);
    if (message.type !== awaited?.type) return;
    if (message.type === 'end' && stream === 'stdout') awaited.end = message;
    awaited.seen.add(stream);
    if (awaited.seen.size === 2) awaited.done.resolve(awaited.end);
  }

  #fail(detail: string): void {
    this.#lose(new AppError('unsupported', `The kernel sent ${detail}, so it was stopped.`));
    this.detach();
  }

  #lose(thrown: unknown, exitCode?: number): void {
    this.exitCode ??= exitCode;
    this.#gone.reject(thrown);
  }
}

type KernelOutputPart =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'message'; readonly bytes: Buffer };

/** Maximum size in bytes. Enough for a 5 MiB image as base64. */
const maxMessage = 8 * 1024 * 1024;
const lineEnd = 0x0a;

/** A message extends from the mark to the end of the line. `push` throws a RangeError above 8 MiB. */
export function createKernelOutputParser(nonce: string): { push(chunk: Buffer): KernelOutputPart[] } {
  const mark = Buffer.from(`\0corral:${nonce}:`);
  let held: Buffer = Buffer.alloc(0);
  let message: Buffer[] | undefined;
  let size = 0;

  const inMessage = (data: Buffer, parts: KernelOutputPart[]): Buffer => {
    const end = data.indexOf(lineEnd);
    const piece = end < 0 ? data : data.subarray(0, end);
    size += piece.length;
    if (size > maxMessage) throw new RangeError('a message of more than 8 MiB');
    message?.push(Buffer.from(piece));
    if (end < 0) return data.subarray(data.length);
    parts.push({ kind: 'message', bytes: Buffer.concat(message ?? []) });
    message = undefined;
    return data.subarray(end + 1);
  };
  const inText = (data: Buffer, parts: KernelOutputPart[]): Buffer => {
    const at = data.indexOf(mark);
    const end = at < 0 ? data.length - beginningAtEnd(data, mark) : at;
    if (end > 0) parts.push({ kind: 'text', bytes: Buffer.from(data.subarray(0, end)) });
    if (at < 0) {
      held = Buffer.from(data.subarray(end));
      return data.subarray(data.length);
    }
    message = [];
    size = 0;
    return data.subarray(at + mark.length);
  };
  return {
    push(chunk) {
      const parts: KernelOutputPart[] = [];
      let data = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      held = Buffer.alloc(0);
      while (data.length > 0) data = message ? inMessage(data, parts) : inText(data, parts);
      return parts;
    },
  };
}

function beginningAtEnd(data: Buffer, mark: Buffer): number {
  const most = Math.min(mark.length - 1, data.length);
  for (let length = most; length > 0; length--) {
    if (data.subarray(data.length - length).equals(mark.subarray(0, length))) return length;
  }
  return 0;
}
