import { destination, type Logger, pino } from 'pino';
import type { Scrubber } from './scrub.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: string;
  readonly scrubber: Scrubber;
  /** Where the lines go; standard output by default. */
  readonly destination?: { write(line: string): unknown };
}

/** JSON lines. Whatever a line would say of a secret is masked on its way out, at whatever depth it stands. */
export function createLogger({ level, scrubber, destination: given }: LoggerOptions): Logger {
  // Synchronous, so that the last line before an exit is there. pino falls silent when the reader went away (`| head -1`).
  const out = given ?? destination({ fd: 1, sync: true });
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void out.write(scrubber.scrub(line)) },
  );
}
