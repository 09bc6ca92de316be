import { AppError } from '../../core/errors/errors.ts';

export interface ServerCommandDefinition {
  readonly usage: string;
  readonly about: string;
  /** Resolves with the exit code; rejects only with AppError. */
  run(args: readonly string[], at: CommandTerminal): Promise<number>;
}
export interface CommandTerminal {
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  print(line: string): void;
  /** Prints a human-readable line to stderr. */
  say(text: string): void;
}

/** Throws invalid_request, with the usage, if `parse` throws. */
export function parseWithUsage<Parsed>(usage: string, parse: () => Parsed): Parsed {
  try {
    return parse();
  } catch (cause) {
    throw new AppError('invalid_request', `${(cause as Error).message}. ${usage}.`, { cause });
  }
}
