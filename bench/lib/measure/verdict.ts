import type { RatioGoal } from './measure.ts';

export type Verdict = 'pass' | 'fail' | 'unclear' | 'noisy' | 'skipped';
type Interval = readonly [number, number];
type TargetBound = Pick<RatioGoal, 'max' | 'min'>;

export function judgeInterval([low, high]: Interval, { max, min }: TargetBound): 'pass' | 'fail' | 'unclear' {
  if (max !== undefined) return high <= max ? 'pass' : low > max ? 'fail' : 'unclear';
  const least = min ?? 0;
  return low >= least ? 'pass' : high < least ? 'fail' : 'unclear';
}

const maxVoid = 0.3;

export interface RoundCounts {
  readonly valid: number;
  readonly voided: number;
  readonly needed: number;
}

export function computeVerdict(interval: Interval, goal: TargetBound, { valid, voided, needed }: RoundCounts): Verdict {
  if (valid < needed) return voided > 0 ? 'noisy' : 'unclear';
  return voided / (valid + voided) > maxVoid ? 'noisy' : judgeInterval(interval, goal);
}
