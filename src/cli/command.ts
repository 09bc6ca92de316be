import type { Corral } from '../client/index.ts';
import type { Io } from './io.ts';

/** A command's own description, from which the parser, the help, the completions and docs/cli.md are derived. */
export interface CliCommand {
  readonly name: string;
  /** The arguments in the notation of commander: `<session>`, `[task]`, `<command...>`. */
  readonly args: readonly (readonly [usage: string, about: string])[];
  readonly about: string;
  readonly options: readonly (readonly [flags: string, about: string])[];
  readonly examples: readonly string[];
  /**
   * Words after the first argument are another program's command line. It starts at the first word that is not an option of this
   * command, or after `--`.
   */
  readonly passThrough?: true;
  /** Resolves with the exit code; undefined means 0. */
  run(input: CliCommandInput): Promise<number> | Promise<void>;
}

export interface CliCommandInput {
  readonly args: readonly string[];
  /** With `passThrough`: whether the command line followed `--`, so that its first word is the name of a program. */
  readonly isProgram: boolean;
  readonly options: ParsedOptions;
  readonly io: Io;
  /**
   * The server named by the command line or the environment, else the local server, else that of `corral login`, else the default
   * address.
   */
  readonly corral: () => Corral;
}

/** Keyed by an option's long name in camel case. */
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
  "a session's id, the beginning of one, its name, or `last` for the newest",
] as const;
