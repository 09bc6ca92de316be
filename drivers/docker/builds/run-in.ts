import { Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import { StringDecoder } from 'node:string_decoder';
import type Dockerode from 'dockerode';
import { raceAbort } from '../../../src/core/concurrency/cancel.ts';
import { AppError } from '../../../src/core/errors/errors.ts';
import type { BuildCommand } from '../../driver.ts';
import { callEngine } from '../engine.ts';
import { imageUser } from '../users.ts';

const users = { root: '0:0', user: `${imageUser}:${imageUser}` } as const;

/** Runs one command in the container and resolves with its exit code. Its folder is always `/`, so that no link leads the engine. */
export async function runIn(
  engine: Dockerode,
  container: string,
  { argv, user, env, stdin, heard }: BuildCommand,
  signal: AbortSignal,
): Promise<number> {
  const given = {
    Cmd: [...argv],
    User: users[user],
    Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
    WorkingDir: '/',
    AttachStdin: stdin !== undefined,
    AttachStdout: true,
    AttachStderr: true,
    Tty: false,
  };
  const exec = await callEngine(signal, () => engine.getContainer(container).exec(given));
  const stream = await callEngine(signal, () => exec.start({ hijack: true, stdin: stdin !== undefined }));
  const out = listener(heard);
  const stop = () => void stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  try {
    engine.modem.demuxStream(stream, out, out);
    const read = finished(stream, { writable: false }).catch(() => {}); // the exit code tells how it ended
    const fed = stdin && pipeline(stdin, stream, { end: true, signal });
    fed?.catch(() => {});
    await raceAbort(read, signal);
    const { ExitCode, Running } = await callEngine(signal, () => exec.inspect());
    if (Running || ExitCode === null) throw new AppError('sandbox_lost', 'The container of the build ended.');
    return ExitCode;
  } finally {
    signal.removeEventListener('abort', stop);
    stream.destroy();
  }
}

function listener(heard: (text: string) => void): Writable {
  const decoder = new StringDecoder('utf8');
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      heard(decoder.write(chunk));
      done();
    },
  });
}
