import { z } from 'zod';

// The schema of a bench result; bench/schema.json is its JSON Schema.

const side = z.strictObject({
  name: z.string(),
  p50: z.number(),
  p95: z.number(),
  p99: z.number(),
  max: z.number(),
  n: z.int(),
  cpuMs: z.number().optional(),
  rssMiB: z.number().optional(),
});
const Metric = z.strictObject({
  id: z.string().regex(/^P\d\d$/),
  variant: z.record(z.string(), z.union([z.string(), z.number()])),
  unit: z.string(),
  better: z.enum(['lower', 'higher']),
  subject: side.optional(),
  peer: side.optional(),
  ratio: z
    .strictObject({
      stat: z.enum(['p50', 'p95', 'p99']),
      median: z.number(),
      ci95: z.tuple([z.number(), z.number()]),
      hodgesLehmann: z.number(),
      rounds: z.int(),
      voided: z.int(),
    })
    .optional(),
  target: z.strictObject({
    max: z.number().optional(),
    min: z.number().optional(),
    grace: z.number().optional(),
    level: z.enum(['anchor', 'lead', 'stretch']),
  }),
  baseline: z.number().optional(),
  correct: z
    .strictObject({
      expected: z.int(),
      received: z.int(),
      lost: z.int(),
      duplicated: z.int(),
      reordered: z.int(),
    })
    .optional(),
  verdict: z.enum(['pass', 'fail', 'unclear', 'stated', 'noisy', 'skipped']),
  reason: z.string(),
});
export type Metric = z.infer<typeof Metric>;

/** How figures grow along one quantity, such as the number of sessions. */
const Series = z.strictObject({
  id: z.string(),
  title: z.string(),
  /** The quantity on the x axis. */
  along: z.string(),
  x: z.array(z.number()),
  /** Each figure with its unit in its name, and one value for each x. */
  y: z.record(z.string(), z.array(z.number())),
  /** The slope of the line that fits a figure best, and how well it fits. */
  fits: z.record(z.string(), z.strictObject({ slope: z.number(), r2: z.number() })),
  rules: z.array(z.strictObject({ says: z.string(), isMet: z.boolean(), found: z.string() })),
  /** The command that measured it. */
  command: z.string(),
});
export type Series = z.infer<typeof Series>;

export const BenchResult = z.strictObject({
  schema: z.literal('corral-bench/1'),
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
    runtime: z.string(),
    cgroup: z.int(),
    steal: z.number(),
  }),
  metrics: z.array(Metric),
  series: z.array(Series),
});
export type BenchResult = z.infer<typeof BenchResult>;

/** The identity of a metric, the same in the baseline and in every run. */
export const keyOf = ({ id, variant, ratio }: Pick<Metric, 'id' | 'variant' | 'ratio'>): string =>
  [id, ...Object.entries(variant).map(([name, value]) => `${name}=${value}`), ratio?.stat ?? ''].join(' ').trim();
