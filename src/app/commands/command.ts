export interface ServerCommandDefinition {
  readonly usage: string;
  readonly about: string;
  /** Resolves with the exit code; rejects only with AppError. */
  run(args: readonly string[], at: CommandTerminal): Promise<number>;
}
export interface CommandTerminal {
  /** Fires on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  print(line: string): void;
  /** Prints a line to stderr, for people. */
  say(text: string): void;
}
