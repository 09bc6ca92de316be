/** How a figure grows over time: the slope of the best-fitting line, with its uncertainty. */
export interface Trend {
  /** The growth per hour, by that line. */
  readonly perHour: number;
  /** The 95 % interval of the growth. */
  readonly interval: readonly [number, number];
}
export interface Reading {
  readonly atMs: number;
  readonly value: number;
}

const hourMs = 3_600_000;
/** Consecutive readings are correlated, so the effective number of readings is smaller. */
const alike = 4;

export function trendOf(readings: readonly Reading[]): Trend {
  const n = readings.length;
  const mean = (pick: (one: Reading) => number) => readings.reduce((sum, one) => sum + pick(one), 0) / n;
  const [meanAt, meanValue] = [mean(({ atMs }) => atMs), mean(({ value }) => value)];
  const spread = readings.reduce((sum, { atMs }) => sum + (atMs - meanAt) ** 2, 0);
  const slope = readings.reduce((sum, { atMs, value }) => sum + (atMs - meanAt) * (value - meanValue), 0) / spread;
  const left = readings.reduce((sum, { atMs, value }) => sum + (value - meanValue - slope * (atMs - meanAt)) ** 2, 0);
  const error = Math.sqrt((left / Math.max(1, n / alike - 2) / spread) * alike);
  return { perHour: slope * hourMs, interval: [(slope - 2 * error) * hourMs, (slope + 2 * error) * hourMs] };
}
