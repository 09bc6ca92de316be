import type { Percentile } from './statistics.ts';

export interface DeliveryCounts {
  readonly expected: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
}
/** Load of the process that sent the requests. If it is too busy, the row measures that process instead. */
export interface GeneratorLoad {
  readonly cpuShare: number;
  readonly loopP99Ms: number;
}
export interface RoundResult {
  readonly samples: readonly number[];
  readonly correct?: DeliveryCounts;
  readonly generator?: GeneratorLoad;
}

export type RoundRunner = () => Promise<RoundResult | readonly number[]>;
/** Both sides, set up and idle. They run in turn, never at the same time. */
export interface ExperimentSides {
  readonly subject: RoundRunner;
  readonly peer: RoundRunner;
}

export interface RatioGoal {
  readonly stat: Percentile;
  /** The upper bound of the ratio subject : peer; `min` is a lower bound. */
  readonly max?: number;
  readonly min?: number;
  /** An absolute allowance in the subject's unit, subtracted from the subject before the ratio is formed. */
  readonly grace?: number;
}

export interface Experiment {
  readonly variant: Readonly<Record<string, string | number>>;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly subject: string;
  readonly peer: string;
  readonly goals: readonly RatioGoal[];
  readonly rounds: { readonly warmUp: number; readonly min: number; readonly max: number; readonly capMs: number };
  /** `noise` for times, which a busy machine distorts; `nothing` for memory and counts, which it does not. */
  readonly feels: 'noise' | 'nothing';
  /** Smaller amounts are raised to this floor, so that a peer that used nothing does not make the ratio infinite. */
  readonly floor?: number;
  /** The stack is disposed after the last round. */
  open(stack: AsyncDisposableStack): Promise<ExperimentSides>;
}

export type BenchMode = 'quick' | 'full';
export type RequirementCheck = () => Promise<string | undefined>;
export interface BenchRow {
  readonly name: string;
  readonly title: string;
  readonly missing?: RequirementCheck;
  experiments(mode: BenchMode): readonly Experiment[];
}

export const timeDefaults = { unit: 'ms', better: 'lower', feels: 'noise', subject: 'corral' } as const;

export const createRateDefaults = (unit: string) =>
  ({ unit, better: 'higher', feels: 'noise', subject: 'corral' }) as const;

export const computeRoundLimits = (mode: BenchMode, quickMs: number): Experiment['rounds'] =>
  mode === 'quick'
    ? { warmUp: 1, min: 5, max: 12, capMs: quickMs }
    : { warmUp: 3, min: 10, max: 60, capMs: 10 * quickMs };

interface TimedRow
  extends Pick<BenchRow, 'name' | 'title' | 'missing'>,
    Partial<Pick<Experiment, 'variant' | 'goals' | 'unit' | 'better' | 'feels'>> {
  readonly peer: string;
  /** Upper bound of the median's ratio. Ignored if `goals` is set. */
  readonly max?: number;
  readonly quickMs: number;
  readonly rounds?: Partial<Experiment['rounds']>;
  open(stack: AsyncDisposableStack, mode: BenchMode): Promise<ExperimentSides>;
}
/** Builds a row with one experiment, which measures time unless the row sets another unit. */
export function createTimedRow({ name, title, missing, max = 1, quickMs, open, ...rest }: TimedRow): BenchRow {
  const experiment = (mode: BenchMode): Experiment => ({
    ...timeDefaults,
    variant: {},
    goals: [{ stat: 'p50', max }],
    ...rest,
    rounds: { ...computeRoundLimits(mode, quickMs), ...rest.rounds },
    open: (stack) => open(stack, mode),
  });
  return { name, title, ...(missing && { missing }), experiments: (mode) => [experiment(mode)] };
}

interface Limited extends Pick<Experiment, 'variant' | 'rounds'>, Partial<Pick<Experiment, 'goals'>> {
  readonly max: number;
  readonly unit: string;
  open(stack: AsyncDisposableStack): Promise<RoundRunner>;
}
/** Compares with a fixed limit instead of a peer. A busy machine does not make the result noisy. */
export const createLimitExperiment = ({ max, unit, open, goals, ...rest }: Limited): Experiment => ({
  ...rest,
  unit,
  goals: goals ?? [{ stat: 'p50', max: 1 }],
  better: 'lower',
  feels: 'nothing',
  floor: max / 100,
  subject: 'corral',
  peer: `budget of ${max} ${unit}`,
  open: async (stack) => ({ subject: await open(stack), peer: async () => [max] }),
});

export const toDeliveryCounts = (expected: number, received: number): DeliveryCounts => ({
  expected,
  received,
  lost: expected - received,
  duplicated: 0,
  reordered: 0,
});

export const hasDeliveryErrors = ({ lost, duplicated, reordered }: DeliveryCounts): boolean =>
  lost + duplicated + reordered > 0;

export function sumDeliveryCounts(all: readonly DeliveryCounts[]): DeliveryCounts {
  const sum = (of: keyof DeliveryCounts) => all.reduce((total, one) => total + one[of], 0);
  const [expected, received, lost] = [sum('expected'), sum('received'), sum('lost')];
  return { expected, received, lost, duplicated: sum('duplicated'), reordered: sum('reordered') };
}
