import { Readable } from 'node:stream';
import { combineSignals, throwIfAborted } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { createBoundedTextDecoder } from '../../../core/text/arriving-text.ts';
import type { ProgramSpec, SandboxClient } from '../../../sandboxes/client/client.ts';
import type { CommandPipes } from '../../api/streams.ts';

export class BackpressureStream extends Readable {
  #requested = Promise.withResolvers<void>();

  override _read(): void {
    this.#requested.resolve();
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#requested.resolve();
    done(error);
  }
  async carry(chunk: Uint8Array): Promise<void> {
    this.#requested = Promise.withResolvers();
    if (this.destroyed || this.push(chunk)) return;
    await this.#requested.promise;
  }
}

const openMs = 30_000;
const closeMs = 10_000;
const errorsChars = 500;

export async function* emptyInput(): AsyncGenerator<Uint8Array> {}

/**
 * Stops the program if `signal` fires or the input fails. Rejects with the input's error, the signal's reason, or a
 * `ProgramClient` error.
 */
export async function runProgramOverPipes(
  { programs }: Pick<SandboxClient, 'programs'>,
  program: ProgramSpec,
  { input, onStart, onOutput, onErrors }: CommandPipes,
  signal: AbortSignal,
): Promise<{ readonly exitCode: number }> {
  throwIfAborted(signal);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const give = () => failed.reject(signal.reason);
  signal.addEventListener('abort', give, { once: true });
  try {
    // Not cancelled by `signal`, because an interrupted call may still start the program.
    await programs.open(program, AbortSignal.timeout(openMs));
    onStart?.();
    throwIfAborted(signal);
    const pipes = await programs.attach(program.id, { onOutput, onErrors }, signal);
    void feed(pipes, input).catch((thrown: unknown) => failed.reject(thrown));
    return await Promise.race([pipes.ended, failed.promise]);
  } finally {
    signal.removeEventListener('abort', give);
    // The sandbox may be gone, and the program with it.
    await programs.close(program.id, AbortSignal.timeout(closeMs)).catch(() => {});
  }
}

export interface PipedProgram extends ProgramSpec {
  readonly input?: AsyncIterable<Uint8Array>;
  readonly onOutput?: CommandPipes['onOutput'];
  readonly mayExit?: number;
  /** Defaults to a message saying that the files could not be copied. */
  readonly failure?: ((printed: string, exitCode: number) => string) | undefined;
}

/** Rejects as `runProgramOverPipes` does, and with conflict if the program fails. */
export async function runProgram(
  sandbox: Pick<SandboxClient, 'programs'>,
  { input = emptyInput(), onOutput = () => {}, mayExit = 0, failure, ...program }: PipedProgram,
  signal: AbortSignal,
): Promise<void> {
  const errors = createBoundedTextDecoder(errorsChars);
  const { exitCode } = await runProgramOverPipes(sandbox, program, { input, onOutput, onErrors: errors.add }, signal);
  if (exitCode === 0 || exitCode === mayExit) return;
  const text = failure ?? createCopyFailureFormatter('The files', program.argv[0]);
  throw new AppError('conflict', text(errors.text(), exitCode));
}

export const createCopyFailureFormatter =
  (files: string, command = '') =>
  (printed: string, exitCode: number) =>
    `${files} could not be copied (${command}: ${exitCode})${printed && `: ${printed}`}.`;

/** The program waits for a slow reader and ends when the reader stops. */
export async function* streamOutput(
  sandbox: Pick<SandboxClient, 'programs'>,
  program: Omit<PipedProgram, 'onOutput'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const content = new BackpressureStream();
  const left = new AbortController();
  content.once('close', () => left.abort());
  const onOutput = (bytes: Uint8Array) => content.carry(bytes);
  runProgram(sandbox, { ...program, onOutput }, combineSignals([signal, left.signal])).then(
    () => content.push(null),
    (thrown: Error) => content.destroy(thrown),
  );
  yield* content as AsyncIterable<Uint8Array>;
}

type Pipes = Awaited<ReturnType<SandboxClient['programs']['attach']>>;

async function feed(pipes: Pipes, input: AsyncIterable<Uint8Array>): Promise<void> {
  let isRead = true;
  for await (const piece of input) {
    // A program can exit before it has read all of its input.
    if (isRead) await pipes.write(piece).catch(unlessLost(() => (isRead = false)));
  }
  pipes.endInput();
}

const unlessLost = (note: () => void) => (thrown: unknown) => {
  if (!(thrown instanceof AppError && thrown.code === 'sandbox_lost')) throw thrown;
  note();
};
