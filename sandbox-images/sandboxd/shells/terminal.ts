import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { startInFolder } from '../files/byte-names.ts';

// A real terminal without a native add-on: util-linux `script` creates the PTY and relays it over pipes, so an unread pipe blocks
// the command. A small shell, the keeper, runs between `script` and the command. When the command ends, the keeper prints a mark
// with the exit code, so the exact end of the output is known. The keeper then keeps the terminal open for the command's
// background processes.

export interface Terminal {
  readonly pid: number;
  readonly isTerminal: boolean;
  readonly input: Writable;
  /** Includes the mark at the command's end. */
  readonly output: Readable;
  /** Resolves with the keeper's exit code, which is used as the command's if the keeper printed no mark. */
  readonly closed: Promise<number>;
  /** Closes the terminal, even for processes that still use it. */
  close(): void;
}
export interface TerminalSpec {
  /** The command, or a file that contains it if it is too long for an argument. */
  readonly command: string | { readonly file: string };
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Random, so that no output contains the mark by chance. Printed after `exitMarkPrefix`. */
  readonly mark: string;
}

/** Not part of `CORRAL_MARK`, so that a command that prints the keeper's environment does not print the whole mark. */
export const exitMarkPrefix = '\x1e';

const keeper = [
  'exec 2>&1',
  'stty -onlcr -ixon cols 120 rows 30 2>/dev/null',
  'export SHELL=/bin/bash',
  'trap : INT QUIT TSTP TERM HUP', // caught and not ignored, so that the command gets the default handlers
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

/** Opens a person's shell, with echo, line editing and `\r\n` as on any terminal. Rejects if the image has no `script`. */
export async function openInteractiveTerminal({ cwd, env }: Pick<TerminalSpec, 'cwd' | 'env'>): Promise<Terminal> {
  const shell = 'stty cols 80 rows 24; unset CORRAL_MARK; SHELL=/bin/bash exec bash -i';
  const own = { ...env, SHELL: '/bin/sh', TERM: 'xterm-256color' };
  return await start('script', ['-qefE', 'always', '-c', shell, '/dev/null'], cwd, own);
}

/** Used if the image has no `script`. Programs then see that there is no terminal. */
export async function openPipedTerminal(spec: TerminalSpec): Promise<Terminal> {
  const { command } = spec;
  const env: NodeJS.ProcessEnv = { ...spec.env, CORRAL_MARK: spec.mark };
  if (typeof command === 'string') env.CORRAL_COMMAND = command;
  else env.CORRAL_COMMAND_FILE = command.file;
  return await start('sh', ['-c', keeper], spec.cwd, env);
}

async function start(program: string, args: string[], folder: string, env: NodeJS.ProcessEnv): Promise<Terminal> {
  const child: ChildProcess = await startInFolder(folder, (cwd) =>
    spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] }),
  );
  const { promise: closed, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('close', (code) => resolve(code ?? 137));
  closed.catch(() => {}); // awaited later by the output's reader
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('a child without pipes');
  await once(child, 'spawn');
  stdin.on('error', () => {}); // the command can exit before it has read all of its input
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

export interface ExitMarkFinder {
  push(chunk: Buffer): { before: Buffer; exitCode?: number; after: Buffer };
  /** Bytes held back as a possible beginning of the mark. Call when the stream ends without one. */
  rest(): Buffer;
}

export function createExitMarkFinder(mark: string): ExitMarkFinder {
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

/** Index of the longest suffix of `data` that is a prefix of `needle`; `data.length` if there is none. */
function beginningAtEnd(data: Buffer, needle: Buffer): number {
  for (let at = Math.max(0, data.length - needle.length + 1); at < data.length; at++) {
    if (data[at] === needle[0] && needle.subarray(0, data.length - at).equals(data.subarray(at))) return at;
  }
  return data.length;
}
