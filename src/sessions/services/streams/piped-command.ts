import { throwIfFired } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { arrivingText } from '../../../core/text/arriving-text.ts';
import type { SandboxClient, StartProgram } from '../../../sandboxes/client/client.ts';
import type { CommandPipes } from '../../api/streams.ts';
import { PacedOutput } from './paced-output.ts';

const openMs = 30_000;
const closeMs = 10_000;
const errorsChars = 500;

/** The input of a program that gets none. */
export async function* noInput(): AsyncGenerator<Uint8Array> {}

/**
 * Runs a program over pipes until it ends, and ends it with every process that it started when `signal` fires or its
 * input fails. Rejects with the input's error, with the signal's reason or error, and as `ProgramClient` does.
 */
export async function runPiped(
  { programs }: Pick<SandboxClient, 'programs'>,
  program: StartProgram,
  { input, onStart, onOutput, onErrors }: CommandPipes,
  signal: AbortSignal,
): Promise<{ readonly exitCode: number }> {
  throwIfFired(signal);
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => {});
  const give = () => failed.reject(signal.reason);
  signal.addEventListener('abort', give, { once: true });
  try {
    // The signal does not cut this call short: nobody would know whether the program has started, and end it.
    await programs.open(program, AbortSignal.timeout(openMs));
    onStart?.();
    throwIfFired(signal);
    const pipes = await programs.attach(program.id, { onOutput, onErrors }, signal);
    void feed(pipes, input).catch((thrown: unknown) => failed.reject(thrown));
    return await Promise.race([pipes.ended, failed.promise]);
  } finally {
    signal.removeEventListener('abort', give);
    await programs.close(program.id, AbortSignal.timeout(closeMs)).catch(() => {}); // its sandbox may be gone, and the program with it
  }
}

export interface PipedProgram extends StartProgram {
  /** Absent: none. */
  readonly input?: AsyncIterable<Uint8Array>;
  /** Absent: the output is dropped. */
  readonly onOutput?: CommandPipes['onOutput'];
  /** A further exit code of success. */
  readonly mayExit?: number;
  /** The error's text. Absent: files could not be copied. */
  readonly failure?: ((printed: string, exitCode: number) => string) | undefined;
}

/** Runs a program to its end. Also rejects with conflict when it fails. */
export async function runProgram(
  sandbox: Pick<SandboxClient, 'programs'>,
  { input = noInput(), onOutput = () => {}, mayExit = 0, failure, ...program }: PipedProgram,
  signal: AbortSignal,
): Promise<void> {
  const errors = arrivingText(errorsChars);
  const { exitCode } = await runPiped(sandbox, program, { input, onOutput, onErrors: errors.add }, signal);
  if (exitCode === 0 || exitCode === mayExit) return;
  const text = failure ?? notCopied('The files', program.argv[0]);
  throw new AppError('conflict', text(errors.text(), exitCode));
}

/** The text of a failed copy of these files. */
export const notCopied =
  (files: string, command = '') =>
  (printed: string, exitCode: number) =>
    `${files} could not be copied (${command}: ${exitCode})${printed && `: ${printed}`}.`;

/** The output of a program, as fast as it is read. A reader that stops ends the program; a program that fails ends the stream. */
export async function* outputOf(
  sandbox: Pick<SandboxClient, 'programs'>,
  program: Omit<PipedProgram, 'onOutput'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const content = new PacedOutput();
  const left = new AbortController();
  content.once('close', () => left.abort());
  const onOutput = (bytes: Uint8Array) => content.carry(bytes);
  runProgram(sandbox, { ...program, onOutput }, AbortSignal.any([signal, left.signal])).then(
    () => content.push(null),
    (thrown: Error) => content.destroy(thrown),
  );
  yield* content as AsyncIterable<Uint8Array>;
}

type Pipes = Awaited<ReturnType<SandboxClient['programs']['attach']>>;

async function feed(pipes: Pipes, input: AsyncIterable<Uint8Array>): Promise<void> {
  let isRead = true;
  for await (const piece of input) {
    // A program can end before it has read all of its input, which is no failure.
    if (isRead) await pipes.write(piece).catch(unlessLost(() => (isRead = false)));
  }
  pipes.endInput();
}

const unlessLost = (note: () => void) => (thrown: unknown) => {
  if (!(thrown instanceof AppError && thrown.code === 'sandbox_lost')) throw thrown;
  note();
};
