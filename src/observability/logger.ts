import { destination, type Logger, pino, stdSerializers } from 'pino';
import type { Clock } from '../core/contracts/clock.ts';
import { AppError } from '../core/errors/errors.ts';
import { createLogNoiseLimiter, findLogNoiseSource, type LogNoiseCount, logNoiseIntervalMs } from './log-rate-limit.ts';
import type { Scrubber } from './scrub.ts';

export type { Logger } from 'pino';

export interface LoggerOptions {
  readonly level: string;
  readonly scrubber: Scrubber;
  readonly destination?: { write(line: string): unknown };
  readonly clock?: Clock;
}

const counts = new WeakMap<object, () => readonly LogNoiseCount[]>();
export const readLogNoiseCounts = (logger: object): readonly LogNoiseCount[] => counts.get(logger)?.() ?? [];

/** Masks known secrets at any depth. `findLogNoiseSource` selects the lines to rate-limit. */
export function createLogger({ level, scrubber, destination: input, clock }: LoggerOptions): Logger {
  // Synchronous, so that the last line before an exit is written.
  const out = input ?? destination({ fd: 1, sync: true });
  const limiter = createLogNoiseLimiter((leftOut) => {
    summing = true;
    logger.warn({ ...leftOut, seconds: logNoiseIntervalMs / 1_000 }, 'similar lines were suppressed');
    summing = false;
  }, clock);
  let summing = false;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      serializers: { err: errorFields },
      formatters: { level: (label) => ({ level: label }) },
      hooks: {
        logMethod(lines, write, lineLevel) {
          const noise = summing ? undefined : findLogNoiseSource(lineLevel, lines);
          if (!noise || limiter.admits(...noise)) write.apply(this, lines);
        },
      },
    },
    { write: (line: string) => void out.write(scrubber.scrub(line)) },
  );
  counts.set(logger, limiter.counts);
  return logger;
}

/** Failed operations are expected, so only bugs have their stack logged. */
function errorFields(error: Error) {
  const { stack, ...rest } = stdSerializers.err(error);
  return error instanceof AppError && error.code !== 'internal' ? rest : { ...rest, stack };
}
