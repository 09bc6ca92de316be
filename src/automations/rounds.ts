import { WorkLoop } from '../core/concurrency/rounds.ts';

type RoundsDeps = ConstructorParameters<typeof WorkLoop>[0];

/** In ms. `shared` also applies after a failure and without the lease. */
export const maxLoopDelayMs = { shared: 2_000, alone: 60_000 } as const;

export const createRecordWorkLoop = (
  shared: boolean,
  { round, clock, warn, failure }: Omit<RoundsDeps, 'restMs'>,
): WorkLoop => {
  const restMs = { longest: shared ? maxLoopDelayMs.shared : maxLoopDelayMs.alone, failed: maxLoopDelayMs.shared };
  return new WorkLoop({ round, restMs, clock, warn, failure });
};
