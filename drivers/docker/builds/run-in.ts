import { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import type Dockerode from 'dockerode';
import { pause, raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { BuildCommand } from '../../driver.ts';
import { callEngine } from '../engine.ts';
import { imageUser } from '../users.ts';

const users = { root: '0:0', user: `${imageUser}:${imageUser}` } as const;

/** Output beyond this many bytes is read slowly, so an endless command cannot keep the server busy. */
const quickBytes = 16 * 2 ** 20;
const slowBytesPerMs = 2_048;

/**
 * Runs one command in the container and resolves with its exit code. The working directory is always `/`, so the engine
 * follows no link.
 */
export async function runIn(
  engine: Dockerode,
  container: string,
  { argv, user, env, stdin, onOutput: onEvent }: BuildCommand,
  signal: AbortSignal,
): Promise<number> {
  const input = {
    Cmd: [...argv],
    User: users[user],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: '/',
    AttachStdin: stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  };
  const exec = await callEngine(signal, () => engine.getContainer(container).exec(input));
  const stream = await callEngine(signal, () => exec.start({ hijack: true, stdin: stdin !== undefined }));
  const slow = new AbortController();
  let read = 0;
  const out = listener((text, bytes) => {
    onEvent(text);
    read += bytes;
    if (read <= quickBytes || stream.isPaused()) return;
    stream.pause(); // the engine then holds the command back
    const resume = () => void stream.resume();
    pause(bytes / slowBytesPerMs, slow.signal, systemClock).then(resume, resume);
  });
  const stop = () => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    engine.modem.demuxStream(stream, out, out);
    const ended = finished(stream, { writable: false }).catch(() => {}); // the exit code shows how it ended
    const fed = stdin && pipeline(stdin, stream, { end: true, signal });
    fed?.catch(() => {});
    await raceAbort(ended, signal);
    const { ExitCode, Running } = await callEngine(signal, () => exec.inspect());
    if (Running || ExitCode === null) throw new AppError('sandbox_lost', 'The container of the build ended.');
    return ExitCode;
  } finally {
    signal.removeEventListener('abort', stop);
    slow.abort();
    stream.destroy();
  }
}

function listener(onEvent: (text: string, bytes: number) => void): Writable {
  const decoder = new StringDecoder('utf8');
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      onEvent(decoder.write(chunk), chunk.length);
      done();
    },
  });
}
