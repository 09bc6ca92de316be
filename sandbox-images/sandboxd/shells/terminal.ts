import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { sleep } from '../../../src/core/concurrency/cancel.ts';
import type { TerminalSize } from '../../../src/sandboxes/client/abilities.ts';
import type { OperationSpec } from '../../../src/sandboxes/client/client.ts';
import { startInFolder } from '../files/byte-names.ts';
import { tryReadLink } from '../files/read-if-any.ts';
import { type ProcessStat, scanProcesses } from '../processes/proc.ts';
import { createOperationVariables } from './environment.ts';
import { type ShellState, shellStatePath } from './shell-state.ts';

// `script` creates the PTY without a native add-on. A shell, the keeper, runs the command, prints a mark with the exit
// code and keeps the terminal open.

export interface Terminal {
  readonly pid: number;
  readonly isTerminal: boolean;
  readonly input: Writable;
  /** Includes the keeper's exit mark. */
  readonly output: Readable;
  /** Resolves with the keeper's exit code. Without an exit mark, it counts as the command's. */
  readonly closed: Promise<number>;
  close(): void;
}
export interface TerminalSpec {
  /** A file if the command is too long for an argument. */
  readonly command: string | { readonly file: string };
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Random, so that no output contains the mark by chance. */
  readonly mark: string;
}

/** Not in `CORRAL_MARK`, so that printing the environment prints no complete mark. */
export const exitMarkerPrefix = '\x1e';

const keeper = [
  'exec 2>&1',
  'stty -onlcr -ixon cols 120 rows 30 2>/dev/null',
  'export SHELL=/bin/bash',
  'trap : INT QUIT TSTP TERM HUP', // signals are trapped, not ignored, so that the command gets the default handlers
  'c=$CORRAL_COMMAND f=$CORRAL_COMMAND_FILE m=$CORRAL_MARK',
  'unset CORRAL_COMMAND CORRAL_COMMAND_FILE CORRAL_MARK',
  'if [ -n "$f" ]; then bash "$f"; else bash -c "$c"; fi',
  'printf "\\036%s%s;" "$m" $?',
  'while read -r _; do :; done',
].join('; ');

export async function openTerminal(spec: TerminalSpec): Promise<Terminal> {
  const env = { ...toKeeperEnvironment(spec), SHELL: '/bin/sh' };
  return await start('script', ['-qefE', 'never', '-c', keeper, '/dev/null'], spec.cwd, env);
}

/** Behaves like an ordinary terminal. Rejects if the image has no `script`. */
export async function openInteractiveTerminal({ cwd, env }: Pick<TerminalSpec, 'cwd' | 'env'>): Promise<Terminal> {
  const shell = 'stty cols 80 rows 24; unset CORRAL_MARK; SHELL=/bin/bash exec bash -i';
  const own = { ...env, SHELL: '/bin/sh', TERM: 'xterm-256color' };
  return await start('script', ['-qefE', 'always', '-c', shell, '/dev/null'], cwd, own);
}

export const openPipedTerminal = (spec: TerminalSpec): Promise<Terminal> =>
  start('sh', ['-c', keeper], spec.cwd, toKeeperEnvironment(spec));

const toKeeperEnvironment = ({ env, mark, command }: TerminalSpec): NodeJS.ProcessEnv => ({
  ...env,
  CORRAL_MARK: mark,
  ...(typeof command === 'string' ? { CORRAL_COMMAND: command } : { CORRAL_COMMAND_FILE: command.file }),
});

async function start(program: string, args: string[], folder: string, env: NodeJS.ProcessEnv): Promise<Terminal> {
  const child: ChildProcess = await startInFolder(folder, (cwd) =>
    spawn(program, args, { cwd, env, detached: true, stdio: ['pipe', 'pipe', 'ignore'] }),
  );
  const { promise: closed, resolve, reject } = Promise.withResolvers<number>();
  child.once('error', reject);
  child.once('close', (code) => resolve(code ?? 137));
  closed.catch(() => {});
  const { stdin, stdout } = child;
  if (!stdin || !stdout) throw new Error('a child without pipes');
  await once(child, 'spawn');
  stdin.on('error', () => {});
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

const startMs = 5_000;

/** Resolves with undefined once `isOver` returns true or time runs out. */
export async function waitForTerminalProgram(isProgram: (process: ProcessStat) => boolean, isOver: () => boolean) {
  const patience = AbortSignal.timeout(startMs);
  while (!isOver() && !patience.aborted) {
    const found = scanProcesses().find(isProgram);
    const device = found && tryReadLink(`/proc/${found.pid}/fd/0`);
    if (found && device?.startsWith('/dev/pts/')) return { pid: found.pid, device };
    await sleep(5, patience).catch(() => {});
  }
  return undefined;
}

/** Resizing makes the kernel send SIGWINCH to the foreground program. */
export async function resizeTty(device: string, { cols, rows }: TerminalSize): Promise<void> {
  await promisify(execFile)('stty', ['-F', device, 'cols', String(cols), 'rows', String(rows)]).catch(() => {});
}

export interface ExitMarkerFinder {
  push(chunk: Buffer): { before: Buffer; exitCode?: number; after: Buffer };
  /** At the end of the stream, returns the bytes held back as a possible mark. */
  rest(): Buffer;
}

export function createExitMarkerFinder(mark: string): ExitMarkerFinder {
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

/** Start of the longest suffix that is a prefix of `needle`. `data.length` if there is none. */
function beginningAtEnd(data: Buffer, needle: Buffer): number {
  for (let at = Math.max(0, data.length - needle.length + 1); at < data.length; at++) {
    if (data[at] === needle[0] && needle.subarray(0, data.length - at).equals(data.subarray(at))) return at;
  }
  return data.length;
}

const longCommand = 100_000; // bytes; the kernel allows 128 KiB for one argument

export async function openCommandTerminal(
  { stateDir, env }: { readonly stateDir: string; readonly env: Readonly<Record<string, string>> },
  request: OperationSpec,
  standing: ShellState,
  mark: string,
): Promise<Terminal | undefined> {
  const { id, tag, command } = request;
  const spec: TerminalSpec = {
    command: await prepareCommandLine(stateDir, id, command),
    cwd: standing.cwd,
    env: {
      ...(standing.env ?? env),
      ...createOperationVariables(id, tag),
      CORRAL_SANDBOX_ID: env.CORRAL_SANDBOX_ID,
      CORRAL_STATE: shellStatePath(stateDir, id),
      BASH_ENV: join(stateDir, 'shell.bash'),
    },
    mark,
  };
  return await openTerminal(spec)
    .catch(() => openPipedTerminal(spec))
    .catch(() => undefined);
}

export async function prepareCommandLine(
  stateDir: string,
  id: string,
  command: string,
): Promise<TerminalSpec['command']> {
  if (!isLongCommand(command)) return command;
  const file = commandFile(stateDir, id);
  await writeFile(file, command);
  return { file };
}

export const isLongCommand = (command: string) => Buffer.byteLength(command) >= longCommand;

export const removeCommandFile = (stateDir: string, id: string) =>
  rm(commandFile(stateDir, id), { force: true, recursive: true });

const commandFile = (stateDir: string, id: string) => join(stateDir, `${id}.sh`);
