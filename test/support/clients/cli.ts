import { Readable, Writable } from 'node:stream';
import packageJson from '../../../package.json' with { type: 'json' };
import { createProcessIo } from '../../../src/cli/io.ts';
import { runCli } from '../../../src/cli/program.ts';
import type { CliOptions, CliResult } from '../servers/packed-cli.ts';

/** Runs `corral` with these arguments in this process. Standard input is empty, and no stream is a terminal. */
export async function runCommand(
  args: readonly string[],
  { env = {}, input = '', onSaid }: CliOptions & { readonly onSaid?: (line: string) => void } = {},
): Promise<CliResult> {
  const [stdout, stderr] = [collector(), collector(onSaid)];
  const stdin = Readable.from([Buffer.from(input)]) as unknown as NodeJS.ReadStream;
  const io = createProcessIo(new AbortController().signal, {
    stdin,
    stdout: stdout.stream,
    stderr: stderr.stream,
    env,
  });
  const noServer = () => Promise.reject(new Error('a command of the client needs no program of the server'));
  const parts = { io, version: packageJson.version, serverCommands: [], runServer: noServer };
  const code = await runCli(args, parts);
  return { code, stdout: stdout.text(), stderr: stderr.text() };
}

function collector(onPiece?: (text: string) => void) {
  const pieces: Buffer[] = [];
  const stream = new Writable({
    write(piece, _encoding, done) {
      pieces.push(Buffer.from(piece));
      onPiece?.(String(piece));
      done();
    },
  });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => Buffer.concat(pieces).toString() };
}
