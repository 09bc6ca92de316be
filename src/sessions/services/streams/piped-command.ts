import { throwIfFired } from '../../../core/concurrency/cancel.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SandboxClient, StartProgram } from '../../../sandboxes/client/client.ts';
import type { CommandPipes } from '../../api/streams.ts';

const openMs = 30_000;
const closeMs = 10_000;

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
