// Randomized functions take a generator, so that a seed reproduces a result.

export type Random = () => number;

/** mulberry32: small, fast, and good enough for resampling and shuffling. */
export function createSeededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function shuffle<T>(items: readonly T[], random: Random): T[] {
  const order = items.map((item) => ({ item, at: random() }));
  return order.sort((a, b) => a.at - b.at).map(({ item }) => item);
}

const ascending = (values: readonly number[]) => Float64Array.from(values).sort();

/** Quantile by nearest rank: always a measured value, never an interpolated one. NaN if there are no values. */
export function quantile(sorted: ArrayLike<number>, q: number): number {
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = ascending(values);
  const half = sorted.length >> 1;
  const upper = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[half - 1] ?? Number.NaN) + upper) / 2;
}

export type Percentile = 'p50' | 'p95' | 'p99';
export type SampleSummary = Readonly<Record<Percentile | 'max' | 'n', number>>;

export function summarize(values: readonly number[]): SampleSummary {
  const sorted = ascending(values);
  const [p50, p95, p99, max] = [0.5, 0.95, 0.99, 1].map((q) => quantile(sorted, q)) as [number, number, number, number];
  return { p50, p95, p99, max, n: sorted.length };
}

export function bootstrapInterval(values: readonly number[], random: Random, resamples = 2_000): [number, number] {
  const medians = Array.from({ length: resamples }, () =>
    median(values.map(() => values[Math.floor(random() * values.length)] as number)),
  );
  const sorted = ascending(medians);
  return [quantile(sorted, 0.025), quantile(sorted, 0.975)];
}
