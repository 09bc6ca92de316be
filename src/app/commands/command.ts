/** The commands other than serving: `npm start -- <name> …`. */
export interface Command {
  readonly usage: string; // its arguments
  readonly about: string;
  /** Resolves with the exit code; rejects only with AppError. */
  run(args: readonly string[], at: Terminal): Promise<number>;
}
export interface Terminal {
  /** Fires at SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Prints a line of the result on stdout. */
  print(line: string): void;
  /** Prints a line for people on stderr. */
  say(text: string): void;
}
