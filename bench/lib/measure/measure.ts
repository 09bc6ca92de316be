import type { Stat } from './statistics.ts';

// The interface between a row and the runner: an experiment, and the result of a round.

export interface Correctness {
  readonly expected: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
}
/** How busy the process was that made the requests. A process that is too busy measures itself. */
export interface GeneratorLoad {
  readonly cpuShare: number;
  readonly loopP99Ms: number;
}
export interface SideRound {
  /** In the experiment's unit. The statistics of the goals are computed from these. */
  readonly samples: readonly number[];
  readonly correct?: Correctness;
  readonly generator?: GeneratorLoad;
  readonly cpuMs?: number;
  readonly rssMiB?: number;
}

/** Both sides, set up and idle. They run in turn, never at the same time. */
export interface Pair {
  subject(): Promise<SideRound>;
  peer(): Promise<SideRound>;
}

export interface Goal {
  readonly stat: Stat;
  /** The upper bound of the ratio subject : peer; `min` is a lower bound. With neither, the figure is only stated. */
  readonly max?: number;
  readonly min?: number;
  /** An absolute allowance on top of the ratio, in the subject's unit. It is subtracted from the subject. */
  readonly grace?: number;
}

export interface Experiment {
  readonly variant: Readonly<Record<string, string | number>>;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly subject: string;
  readonly peer: string;
  readonly goals: readonly Goal[];
  readonly rounds: { readonly warmUp: number; readonly min: number; readonly max: number; readonly capMs: number };
  /** True for memory and counts, which a busy machine does not change; times suffer from it. */
  readonly feels: 'noise' | 'nothing';
  /** Sets both sides up. The stack is disposed after the last round. */
  open(stack: AsyncDisposableStack): Promise<Pair>;
}

export type Mode = 'quick' | 'full';
export interface Row {
  readonly name: string;
  /** The span or the amount that the row measures. */
  readonly title: string;
  /** Why the row cannot run here; undefined when it can. */
  missing?(): Promise<string | undefined>;
  experiments(mode: Mode): readonly Experiment[];
}

/** The usual experiment: a time of Corral's. */
export const timed = { unit: 'ms', better: 'lower', feels: 'noise', subject: 'corral' } as const;

/** The usual number of rounds. A quick run ends after this time at the latest. */
export const roundsWithin = (mode: Mode, quickMs: number): Experiment['rounds'] =>
  mode === 'quick'
    ? { warmUp: 1, min: 5, max: 12, capMs: quickMs }
    : { warmUp: 3, min: 10, max: 60, capMs: 10 * quickMs };

/** A peer that is a fixed limit, in the experiment's unit. */
export const budget = (most: number): Pick<Pair, 'peer'> => ({ peer: async () => ({ samples: [most] }) });

export const isWrong = ({ lost, duplicated, reordered }: Correctness): boolean => lost + duplicated + reordered > 0;

export function addUp(all: readonly Correctness[]): Correctness {
  const sum = (field: keyof Correctness) => all.reduce((total, one) => total + one[field], 0);
  return {
    expected: sum('expected'),
    received: sum('received'),
    lost: sum('lost'),
    duplicated: sum('duplicated'),
    reordered: sum('reordered'),
  };
}
