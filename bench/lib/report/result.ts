import { z } from 'zod';

const figure = z.number();
const side = z.strictObject({ name: z.string(), p50: figure, p95: figure, p99: figure, max: figure, n: z.int() });
const correctness = z.record(z.enum(['expected', 'received', 'lost', 'duplicated', 'reordered']), z.int());
export const Ratio = z.strictObject({
  stat: z.enum(['p50', 'p95', 'p99']),
  median: z.number(),
  ci95: z.tuple([z.number(), z.number()]),
  rounds: z.int(),
  voided: z.int(),
});
export const Metric = z.strictObject({
  name: z.string().regex(/^[a-z-]+$/),
  variant: z.record(z.string(), z.union([z.string(), z.number()])),
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  subject: side.optional(),
  peer: side.optional(),
  ratio: Ratio.optional(),
  target: z.strictObject({ max: figure.optional(), min: figure.optional(), grace: figure.optional() }),
  correct: correctness.optional(),
  verdict: z.enum(['pass', 'fail', 'unclear', 'noisy', 'skipped']),
  reason: z.string(),
});
export type Metric = z.infer<typeof Metric>;

export const Series = z.strictObject({
  name: z.string(),
  title: z.string(),
  along: z.string(),
  x: z.array(z.number()),
  /** One value per x for each figure. A figure's name includes its unit. */
  y: z.record(z.string(), z.array(z.number())),
  fits: z.record(z.string(), z.strictObject({ slope: z.number(), r2: z.number() })),
  rules: z.array(z.strictObject({ says: z.string(), isMet: z.boolean(), found: z.string() })),
  command: z.string(),
});
export type Series = z.infer<typeof Series>;

export const BenchResult = z.strictObject({
  schema: z.literal('corral-bench/2'),
  at: z.iso.datetime(),
  commit: z.string(),
  dirty: z.boolean(),
  mode: z.enum(['quick', 'full']),
  seed: z.int(),
  host: z.strictObject({
    cpu: z.string(),
    cores: z.int(),
    memGiB: z.number(),
    kernel: z.string(),
    node: z.string(),
    engine: z.string(),
  }),
  metrics: z.array(Metric),
  series: z.array(Series),
});
export type BenchResult = z.infer<typeof BenchResult>;

interface MetricIdentity extends Pick<Metric, 'name' | 'variant'> {
  readonly ratio?: Pick<z.infer<typeof Ratio>, 'stat'> | undefined;
}
export const metricKeyOf = ({ name, variant, ratio }: MetricIdentity): string =>
  [name, ...Object.entries(variant).map(([of, value]) => `${of}=${value}`), ratio?.stat ?? ''].join(' ').trim();
