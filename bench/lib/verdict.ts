export type Verdict = 'pass' | 'fail' | 'unclear' | 'noisy' | 'skipped';
type Interval = readonly [number, number];
/** At most `max`, or at least `min`. */
interface Bound {
  readonly max?: number | undefined;
  readonly min?: number | undefined;
}

/** By the interval alone, never by the point. */
export function judge([low, high]: Interval, { max, min }: Bound): 'pass' | 'fail' | 'unclear' {
  if (max !== undefined) return high <= max ? 'pass' : low > max ? 'fail' : 'unclear';
  if (min !== undefined) return low >= min ? 'pass' : high < min ? 'fail' : 'unclear';
  return 'pass';
}

const mostVoid = 0.3;

export interface Rounds {
  readonly valid: number;
  readonly voided: number;
  /** With fewer that count, an interval says nothing. */
  readonly needed: number;
}

/** On a restless machine nothing is called a failure, and nothing is promised that was hardly seen. */
export function verdictOf(interval: Interval, goal: Bound, { valid, voided, needed }: Rounds): Verdict {
  if (valid < needed) return voided > 0 ? 'noisy' : 'unclear';
  const judged = judge(interval, goal);
  if (judged === 'pass') return judged;
  return voided / (valid + voided) > mostVoid ? 'noisy' : judged;
}

const slack = 1.25;

/** The gate: wholly worse than the target, and wholly worse than what the baseline allows where there is one. */
export function breaksGate(interval: Interval, goal: Bound, baseline: number | undefined): boolean {
  if (judge(interval, goal) !== 'fail') return false;
  if (baseline === undefined) return true;
  return goal.max !== undefined ? interval[0] > baseline * slack : interval[1] < baseline / slack;
}
