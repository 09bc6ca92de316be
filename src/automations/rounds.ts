import { RoundRunner } from '../core/concurrency/rounds.ts';

type RoundsDeps = ConstructorParameters<typeof RoundRunner>[0];

/** The longest delay between two rounds. `shared` is also the delay after a failure, and on a server that does not lead. */
export const maxRoundDelayMs = { shared: 2_000, alone: 60_000 } as const;

/** `shared`: other servers change the records too, so rounds are frequent. */
export const createRecordRounds = (
  shared: boolean,
  { round, clock, warn, failure }: Omit<RoundsDeps, 'restMs'>,
): RoundRunner => {
  const restMs = { longest: shared ? maxRoundDelayMs.shared : maxRoundDelayMs.alone, failed: maxRoundDelayMs.shared };
  return new RoundRunner({ round, restMs, clock, warn, failure });
};
