import { type Corral, CorralError, type CorralErrorCode } from '../client/index.ts';
import type { Io } from './io.ts';

/** Scripts can rely on these codes. `corral exec` exits with its program's code. */
export const exitCodes = {
  ok: { code: 0, about: 'done; for `run`: the run is completed' },
  failed: { code: 1, about: 'the command or the run failed' },
  usage: { code: 2, about: 'the command line is invalid' },
  unreachable: { code: 3, about: 'no Corral server answers, or the connection was lost' },
  refused: { code: 4, about: 'the server does not accept the token, or the token lacks that right' },
  missing: { code: 5, about: 'there is no such session, file or terminal' },
  waiting: { code: 6, about: 'the run waits for an answer or an approval, and there is no terminal for it' },
  stopped: { code: 7, about: 'the run was stopped or its session deleted' },
  unsatisfied: { code: 8, about: 'the run completed, but its goal was not met or could not be judged' },
  interrupted: { code: 130, about: 'ended by ctrl-c' },
} as const;
type ExitCodeName = keyof typeof exitCodes;

const byCode: Partial<Record<CorralErrorCode, ExitCodeName>> = {
  unreachable: 'unreachable',
  unauthorized: 'refused',
  forbidden: 'refused',
  rate_limited: 'refused',
  not_found: 'missing',
  session_not_found: 'missing',
  file_not_found: 'missing',
  shell_not_found: 'missing',
};

export class UsageError extends Error {}

export function toExitCode(thrown: unknown): number {
  if (thrown instanceof UsageError) return exitCodes.usage.code;
  if (thrown instanceof CorralError) return exitCodes[byCode[thrown.code] ?? 'failed'].code;
  return exitCodes.failed.code;
}

/** The parser, the help, the completions and docs/cli.md are all derived from these definitions. */
export interface CliCommand {
  readonly name: string;
  /** Arguments in commander's notation: `<session>`, `[task]`, `<command...>`. */
  readonly args: readonly (readonly [usage: string, about: string])[];
  readonly about: string;
  readonly options: readonly (readonly [flags: string, about: string])[];
  readonly examples: readonly string[];
  /** After the first argument, another program's command line starts at the first non-option or after `--`. */
  readonly passThrough?: true;
  /** Resolves with the exit code; undefined means 0. */
  run(input: CliCommandInput): Promise<number> | Promise<void>;
}

export interface CliCommandInput {
  readonly args: readonly string[];
  /** With `passThrough`: whether `--` preceded the command line. */
  readonly isProgram: boolean;
  readonly options: ParsedOptions;
  readonly io: Io;
  readonly corral: () => Corral;
}

/** Parsed options, keyed by their long names in camel case. */
export class ParsedOptions {
  readonly #values: Readonly<Record<string, unknown>>;
  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }
  has(name: string): boolean {
    return this.#values[name] !== undefined;
  }
  flag(name: string): boolean {
    return this.#values[name] === true;
  }
  text(name: string): string | undefined {
    const value = this.#values[name];
    return typeof value === 'string' ? value : undefined;
  }
  texts(name: string): readonly string[] {
    const value = this.#values[name];
    return Array.isArray(value) ? (value as string[]) : [];
  }
}

export const jsonOption = ['--json', 'print JSON, one value on a line'] as const;
export const sessionArgument = [
  '<session>',
  "a session's id, the beginning of one, its name, or `last` for the newest, attempts and sub-agents aside",
] as const;
