import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

// A real terminal without a native add-on: util-linux `script` makes the PTY, relays it over pipes, and so holds
// the command back when we do not read. A small shell stands between it and the command. It says in the stream
// itself how the command ended, so that the output is complete exactly when the mark is reached, and keeps the
// terminal open for what the command left in the background.

export interface Terminal {
  readonly pid: number;
  /** False: pipes. */
  readonly isTerminal: boolean;
  readonly input: Writable;
  /** Output, and the mark somewhere in it. */
  readonly output: Readable;
  /** With the code of its keeper, which is the command's where no mark came. */
  readonly closed: Promise<number>;
  /** Ends the terminal; what still runs on it loses it. */
  close(): void;
}
export interface TerminalSpec {
  /** A file with the command, where it is too long for an argument. */
  readonly command: string | { readonly file: string };
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Unguessable, so that no output is taken for it by chance; printed behind `markStart`. */
  readonly mark: string;
}

/** Not among what the keeper is given, so that a command which shows its environment does not print the whole mark. */
export const markStart = '\x1e';

const keeper = [
  'exec 2>&1',
  'stty -onlcr -ixon cols 120 rows 30 2>/dev/null',
  'export SHELL=/bin/bash',
  'trap : INT QUIT TSTP TERM HUP', // caught, not ignored: the command itself hears them as usual
  'c=$CORRAL_COMMAND f=$CORRAL_COMMAND_FILE m=$CORRAL_MARK',
  'unset CORRAL_COMMAND CORRAL_COMMAND_FILE CORRAL_MARK',
  'if [ -n "$f" ]; then bash "$f"; else bash -c "$c"; fi',
  'printf "\\036%s%s;" "$m" $?',
  'while read -r _; do :; done',
].join('; ');

export async function openTerminal(spec: TerminalSpec): Promise<Terminal> {
  const { command } = spec;
  const env: NodeJS.ProcessEnv = { ...spec.env, CORRAL_MARK: spec.mark, SHELL: '/bin/sh' };
  if (typeof command === 'string') env.CORRAL_COMMAND = command;
  else env.CORRAL_COMMAND_FILE = command.file;
  return await start('script', ['-qefE', 'never', '-c', keeper, '/dev/null'], spec.cwd, env);
}

/** A shell for a person: echo, line editing and `\r\n` as on any terminal. Rejects where the image has no `script`. */
export async function openPersonal({ cwd, env }: Pick<TerminalSpec, 'cwd' | 'env'>): Promise<Terminal> {
  const shell = 'stty cols 80 rows 24; unset CORRAL_MARK; SHELL=/bin/bash exec bash -i';
  const own = { ...env, SHELL: '/bin/sh', TERM: 'xterm-256color' };
  return await start('script', ['-qefE', 'always', '-c', shell, '/dev/null'], cwd, own);
}

/** Where the image has no `script`: the same over pipes. Programs then see that there is no terminal. */
export async function openPipes(spec: TerminalSpec): Promise<Terminal> {
  const { command } = spec;
  const env: NodeJS.ProcessEnv = { ...spec.env, CORRAL_MARK: spec.mark };
  if (typeof command === 'string') env.CORRAL_COMMAND = command;
  else env.CORRAL_COMMAND_FILE = command.file;
  return await start('sh', ['-c', keeper], spec.cwd, env);
}

async function start(program: string, args: string[], cwd: string, env: NodeJS.ProcessEnv): Promise<Terminal> {
  const child: ChildProcess = spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] });
  const { promise: closed, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('close', (code) => resolve(code ?? 137));
  closed.catch(() => {}); // whoever reads the output asks afterwards
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('a child without pipes');
  await once(child, 'spawn');
  stdin.on('error', () => {}); // the command ended before it read all; `write` says so
  return {
    pid: child.pid ?? 0,
    isTerminal: program === 'script',
    input: stdin,
    output: stdout,
    closed,
    close() {
      stdin.destroy();
      stdout.destroy();
      child.kill('SIGKILL');
    },
  };
}

export interface MarkFinder {
  /** What stood before the mark, and, once it was seen, the code in it. */
  push(chunk: Buffer): { before: Buffer; exitCode?: number; after: Buffer };
  /** The stream ended without a mark: what was held back in case one had begun. */
  rest(): Buffer;
}

/** Splits a stream at the mark, wherever chunks happen to be cut. */
export function markFinder(mark: string): MarkFinder {
  const needle = Buffer.from(mark);
  const none = Buffer.alloc(0);
  let held = none;
  return {
    push(chunk) {
      const data = held.length > 0 ? Buffer.concat([held, chunk]) : chunk;
      const at = data.indexOf(needle);
      const end = at < 0 ? -1 : data.indexOf(';', at + needle.length);
      if (end >= 0) {
        const exitCode = Number(data.toString('latin1', at + needle.length, end));
        return { before: data.subarray(0, at), exitCode, after: data.subarray(end + 1) };
      }
      const keep = at < 0 ? beginningAtEnd(data, needle) : at;
      held = Buffer.from(data.subarray(keep));
      return { before: data.subarray(0, keep), after: none };
    },
    rest: () => held,
  };
}

/** Where the longest beginning of the needle starts that the data ends with. */
function beginningAtEnd(data: Buffer, needle: Buffer): number {
  for (let at = Math.max(0, data.length - needle.length + 1); at < data.length; at++) {
    if (data[at] === needle[0] && needle.subarray(0, data.length - at).equals(data.subarray(at))) return at;
  }
  return data.length;
}
