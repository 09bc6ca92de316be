import { z } from 'zod';
import { type BenchResult, Metric, metricKeyOf, Ratio, Series } from './result.ts';

// Schema of docs/performance/figures.json: the last figure of each row, with the commit and day of its run.

const measuredIn = { commit: z.string(), on: z.iso.date() };
const Figure = Metric.omit({ subject: true, peer: true, correct: true }).extend({
  ratio: Ratio.omit({ rounds: true, voided: true }),
  ...measuredIn,
  /** How this figure was measured, if the row has changed since. */
  note: z.string().optional(),
});
export type Figure = z.infer<typeof Figure>;
const Curve = Series.extend(measuredIn);
export const Figures = z.strictObject({ machine: z.string(), metrics: z.array(Figure), series: z.array(Curve) });
export type Figures = z.infer<typeof Figures>;

/**
 * Replaces figures with those of later runs. Runs must be in order. A noisy figure replaces only another noisy one, and
 * a series replaces only one that ends at the same or a smaller size.
 */
export function mergeFigures(known: Figures, results: readonly BenchResult[]): Figures {
  const metrics = new Map(known.metrics.map((one) => [metricKeyOf(one), one]));
  const series = new Map(known.series.map((one) => [one.name, one]));
  let { machine } = known;
  for (const result of results) {
    const from = { commit: `${result.commit.slice(0, 7)}${result.dirty ? '+' : ''}`, on: result.at.slice(0, 10) };
    for (const { name, variant, unit, better, ratio, target, verdict, reason } of result.metrics) {
      if (!ratio) continue;
      const { stat, median, ci95 } = ratio;
      const figure = { name, variant, unit, better, ratio: { stat, median, ci95 }, target, verdict, reason, ...from };
      const before = metrics.get(metricKeyOf(figure));
      if (verdict !== 'noisy' || before === undefined || before.verdict === 'noisy')
        metrics.set(metricKeyOf(figure), figure);
    }
    for (const one of result.series) {
      const reached = series.get(one.name)?.x.at(-1) ?? 0;
      if ((one.x.at(-1) ?? 0) >= reached) series.set(one.name, { ...one, ...from });
    }
    const { cores, cpu, memGiB, kernel, node, engine } = result.host;
    machine = `${cores} × ${cpu}, ${memGiB} GiB, Linux ${kernel.split('-')[0]}, Node ${node}, Docker ${engine || 'none'}`;
  }
  return { machine, metrics: [...metrics.values()], series: [...series.values()] };
}
