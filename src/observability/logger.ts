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
  const out = given ?? standardOutput();
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

/** Synchronous, so that the last line before an exit is there. A reader that went away (`| head -1`) is no error. */
function standardOutput() {
  const deaf = (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  };
  process.stdout.on('error', deaf);
  process.stderr.on('error', deaf);
  return destination({ fd: 1, sync: true }); // pino itself falls silent on EPIPE
}
