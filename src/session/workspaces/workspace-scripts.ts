import { posix } from 'node:path';
import type { ExecResult } from '../../sandbox/client.ts';
import { loginCommand, quoted } from '../services/shell-quoting.ts';

export interface CodeResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** What went wrong, in one line; null: nothing did. */
  readonly error: string | null;
}
export interface CommandResult {
  /** Of both streams. */
  readonly output: string;
  readonly exitCode: number;
  /** Where the next one begins, absolute. */
  readonly cwd: string;
}
export interface CodeScript {
  readonly program: string;
  readonly command: string;
  /** All that is said where the program is not there. */
  readonly missing: string;
}

/** Runs a file of the workspace by what its name says of it. `mark` must be unguessable. */
export function codeScript(name: string, mark: string): CodeScript {
  const program = programs[posix.extname(name)] ?? 'python3';
  const missing = `${mark}: no ${program}`;
  const whole = posix.normalize(name); // `none/../x` was saved as `x`
  const file = whole.startsWith('-') ? `./${whole}` : whole; // never taken for an option
  const command = [
    `command -v ${program} > /dev/null || { printf %s ${quoted(missing)} >&2; exit 127; }`,
    'export PYTHONUNBUFFERED=1', // what was printed before a timeout is not lost
    `exec ${program} ${quoted(file)}`,
  ].join('\n');
  return { program, command, missing };
}
const programs: Readonly<Record<string, string>> = { '.js': 'node', '.mjs': 'node', '.sh': 'bash' };

export function toCodeResult({ program, missing }: CodeScript, result: ExecResult, timeoutMs: number): CodeResult {
  const { exitCode, stdout, stderr, timedOut } = result;
  if (timedOut) return { exitCode, stdout, stderr, error: `Execution timed out after ${timeoutMs / 1_000} s` };
  if (stderr === missing) return { exitCode, stdout, stderr: '', error: `${program} is not available` };
  if (exitCode === 0) return { exitCode, stdout, stderr, error: null };
  const last = stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return { exitCode, stdout, stderr, error: last === '' ? `Exited with code ${exitCode}` : last };
}

/** A login shell's command from that folder on; both its streams are its output, and the other says where it ended. */
export function commandScript(command: string, cwd: string | undefined): string {
  const go = cwd === undefined ? '' : `cd -- ${quoted(cwd)} 2>/dev/null; `; // where it is gone: at the root
  const script = `trap 'pwd >&3' EXIT; ${go}eval ${quoted(command)}`;
  return `exec ${loginCommand(script)} 3>&2 2>&1`;
}
