export type Verdict = 'pass' | 'fail' | 'unclear' | 'stated' | 'noisy' | 'skipped';
type Interval = readonly [number, number];
/** The target: at most `max`, or at least `min`. With neither, the figure is only stated. */
interface Bound {
  readonly max?: number | undefined;
  readonly min?: number | undefined;
}

/** Judges by the interval alone, never by the point estimate. */
export function judge([low, high]: Interval, { max, min }: Bound): 'pass' | 'fail' | 'unclear' | 'stated' {
  if (max !== undefined) return high <= max ? 'pass' : low > max ? 'fail' : 'unclear';
  if (min !== undefined) return low >= min ? 'pass' : high < min ? 'fail' : 'unclear';
  return 'stated';
}

const maxVoid = 0.3;

export interface Rounds {
  readonly valid: number;
  readonly voided: number;
  /** With fewer rounds that count, an interval means nothing. */
  readonly needed: number;
}

/** On a noisy machine no row passes and none fails; with too few valid rounds, none passes. */
export function verdictOf(interval: Interval, goal: Bound, { valid, voided, needed }: Rounds): Verdict {
  if (valid < needed) return voided > 0 ? 'noisy' : 'unclear';
  return voided / (valid + voided) > maxVoid ? 'noisy' : judge(interval, goal);
}
