import { destination, type Logger, pino } from 'pino';
import type { Clock } from '../core/clock.ts';
import { intervalMs, type NoiseCount, noiseIn, noiseLimiter } from './noise.ts';
import type { Scrubber } from './scrub.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: string;
  readonly scrubber: Scrubber;
  /** Where the lines go; standard output by default. */
  readonly destination?: { write(line: string): unknown };
  readonly clock?: Clock;
}

const counts = new WeakMap<object, () => readonly NoiseCount[]>();
/** How many lines of each kind there were that others can cause, logged or left out; of a logger made here. */
export const noiseCounts = (logger: object): readonly NoiseCount[] => counts.get(logger)?.() ?? [];

/**
 * JSON lines. Warnings, errors and refused requests are limited by kind and source. Whatever a line would say of a secret is masked on its way out, at
 * whatever depth it stands.
 */
export function createLogger({ level, scrubber, destination: given, clock }: LoggerOptions): Logger {
  // Synchronous, so that the last line before an exit is there. pino falls silent when the reader went away (`| head -1`).
  const out = given ?? destination({ fd: 1, sync: true });
  const limiter = noiseLimiter((leftOut) => {
    summing = true;
    logger.warn({ ...leftOut, seconds: intervalMs / 1_000 }, 'lines like one above were left out');
    summing = false;
  }, clock);
  let summing = false;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(said, write, lineLevel) {
          const noise = summing ? undefined : noiseIn(lineLevel, said);
          if (!noise || limiter.admits(...noise)) write.apply(this, said);
        },
      },
    },
    { write: (line: string) => void out.write(scrubber.scrub(line)) },
  );
  counts.set(logger, limiter.counts);
  return logger;
}
