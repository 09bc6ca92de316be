import type { Stat } from './statistics.ts';

// What a row hands to the runner, and what a round of it gives back.

export interface Correctness {
  readonly expected: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicated: number;
  readonly reordered: number;
}
/** How busy the process was that asked and measured; a busy one measures itself. */
export interface GeneratorLoad {
  readonly cpuShare: number;
  readonly loopP99Ms: number;
}
export interface SideRound {
  /** In the experiment's unit; the goals' statistics are taken over these. */
  readonly samples: readonly number[];
  readonly correct?: Correctness;
  readonly generator?: GeneratorLoad;
  readonly cpuMs?: number;
  readonly rssMiB?: number;
}

/** Both sides, set up and idle. They are asked in turn, never at the same time. */
export interface Pair extends AsyncDisposable {
  subject(): Promise<SideRound>;
  peer(): Promise<SideRound>;
}

export type Level = 'anchor' | 'lead' | 'stretch';
export interface Goal {
  readonly stat: Stat;
  /** The ratio subject : peer must be at most this, or at least `min`. */
  readonly max?: number;
  readonly min?: number;
  readonly level: Level;
  /** What the contract allows on top of the ratio; taken off the subject, in its unit. */
  readonly grace?: number;
}

export interface Experiment {
  readonly id: string;
  readonly variant: Readonly<Record<string, string | number>>;
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  readonly subject: string;
  readonly peer: string;
  readonly goals: readonly Goal[];
  readonly rounds: { readonly warmUp: number; readonly min: number; readonly max: number; readonly capMs: number };
  /** Memory and counts do not suffer from a busy machine; times do. */
  readonly feels: 'noise' | 'nothing';
  open(): Promise<Pair>;
}

export type Mode = 'quick' | 'full';
export interface Row {
  readonly id: string;
  readonly title: string;
  /** Why it cannot run here; undefined when it can. */
  missing(): Promise<string | undefined>;
  experiments(mode: Mode): readonly Experiment[];
}

export const nothingMissing = async (): Promise<undefined> => undefined;
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
