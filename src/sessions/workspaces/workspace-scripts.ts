import { posix } from 'node:path';
import { quoteForShell } from '../../core/text/quote.ts';
import type { ExecResult } from '../../sandboxes/client/client.ts';
import type { CodeResult } from '../api/workspaces.ts';
import { outputsOf } from '../services/cut-outputs.ts';
import { loginCommand } from '../services/shell-quoting.ts';

export interface CodeScript {
  readonly program: string;
  readonly command: string;
  /** The script's whole stderr when the program is not installed. */
  readonly missing: string;
}

/** Runs a workspace file with the program that its extension names. `mark` must be unguessable. */
export function codeScript(name: string, mark: string): CodeScript {
  const program = programs[posix.extname(name)] ?? 'python3';
  const missing = `${mark}: no ${program}`;
  const whole = posix.normalize(name); // `none/../x` was saved as `x`
  const file = whole.startsWith('-') ? `./${whole}` : whole; // a leading `-` would be read as an option
  const command = [
    `command -v ${program} > /dev/null || { printf %s ${quoteForShell(missing)} >&2; exit 127; }`,
    'export PYTHONUNBUFFERED=1', // keeps the output printed before a timeout
    `exec ${program} ${quoteForShell(file)}`,
  ].join('\n');
  return { program, command, missing };
}
const programs: Readonly<Record<string, string>> = { '.js': 'node', '.mjs': 'node', '.sh': 'bash' };

export function toCodeResult({ program, missing }: CodeScript, result: ExecResult, timeoutMs: number): CodeResult {
  const { exitCode, timedOut } = result;
  const ended = { exitCode, ...outputsOf(result) };
  if (timedOut) return { ...ended, error: `Execution timed out after ${timeoutMs / 1_000} s` };
  if (result.stderr === missing) return { ...ended, stderr: '', error: `${program} is not available` };
  if (exitCode === 0) return { ...ended, error: null };
  const last = result.stderr.trimEnd().split('\n').at(-1)?.trim() ?? '';
  return { ...ended, error: last === '' ? `Exited with code ${exitCode}` : last };
}

/**
 * Runs a command in a login shell, starting in `cwd`. Both its streams go to stdout; stderr tells the folder where it ended.
 */
export function commandScript(command: string, cwd: string | undefined): string {
  const go = cwd === undefined ? '' : `cd -- ${quoteForShell(cwd)} 2>/dev/null; `; // a deleted folder: stay at the root
  const script = `trap 'pwd >&3' EXIT; ${go}eval ${quoteForShell(command)}`;
  return `exec ${loginCommand(script)} 3>&2 2>&1`;
}
