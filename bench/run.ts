// `npm run bench -- [--full] [--only command,output] [--variant size=1KB] [--against folder]`: measures each row
// against the simplest program that does the same, or against another checkout. docs/performance.md explains the method.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { formatPlainTable } from '../src/core/text/plain-table.ts';
import { describeCommit, describeHost } from './lib/calls/host.ts';
import { compareWithCheckout } from './lib/measure/against.ts';
import { type BenchRow, type Experiment, hasDeliveryErrors } from './lib/measure/measure.ts';
import { createNoiseSensor } from './lib/measure/noise.ts';
import { readBenchOptions } from './lib/measure/options.ts';
import { type Instruments, runExperiment } from './lib/measure/rounds.ts';
import { measureSeries, type SeriesPlan } from './lib/measure/series.ts';
import { createSeededRandom, shuffle } from './lib/measure/statistics.ts';
import { BenchResult, type Metric, metricKeyOf, type Series } from './lib/report/result.ts';
import { metricColumns, toMetricCells, toSeriesRows } from './lib/report/table.ts';
import { rows, series } from './rows/all.ts';

const idleMs = 500;
const interrupted = 'interrupted';
const seed = 1; // for the order of the experiments, and for resampling

const { mode, rows: chosen, series: plans, isSelected, against: other } = readBenchOptions(rows, series);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
const random = createSeededRandom(seed);
const instruments: Instruments = {
  now: () => performance.now(),
  feel: createNoiseSensor(),
  random,
  signal: stop.signal,
};
const host = describeHost();

const metrics: Metric[] = [];
const curves: Series[] = [];
const broken: string[] = [];
for (const row of chosen) metrics.push(...(await metricsOf(row)));
for (const plan of plans) curves.push(...(await curveOf(plan)));

const result = BenchResult.parse({
  schema: 'corral-bench/2',
  at: new Date().toISOString(),
  mode,
  seed,
  metrics,
  series: curves,
  ...describeCommit(),
  host,
});
const folder = join(import.meta.dirname, 'results', other === undefined ? '' : 'against');
await mkdir(folder, { recursive: true });
const file = join(folder, `${result.at.replace(/[:.]/g, '-')}.json`);
await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
if (metrics.length > 0) console.log(formatPlainTable([[...metricColumns], ...metrics.map(toMetricCells)]));
for (const curve of curves) console.log(`\n${formatPlainTable(toSeriesRows(curve))}`);
console.log(`\n${host.cores} × ${host.cpu}, Node ${host.node}, ${mode}, seed ${seed}; all of it in ${file}`);
process.exitCode = exitCode();

async function metricsOf(row: BenchRow): Promise<Metric[]> {
  const requested = row.experiments(mode).filter(isSelected);
  const experiments = other === undefined ? requested : requested.map((it) => compareWithCheckout(it, other));
  if (experiments.length === 0) return [];
  const missing = await row.missing?.();
  if (missing !== undefined) return experiments.flatMap((it) => skipped(row, it, missing));
  const found = new Map<Experiment, Metric[]>();
  for (const experiment of shuffle(experiments, random)) {
    if (stop.signal.aborted) break;
    const from = performance.now();
    found.set(experiment, await metricsFrom(row, experiment));
    const seconds = ((performance.now() - from) / 1_000).toFixed(0);
    console.error(`bench: ${row.name} ${JSON.stringify(experiment.variant)} took ${seconds} s`);
    await pause(idleMs);
  }
  return experiments.flatMap((experiment) => found.get(experiment) ?? skipped(row, experiment, interrupted));
}

async function metricsFrom(row: BenchRow, experiment: Experiment): Promise<Metric[]> {
  const measured = await runExperiment(experiment, instruments).catch((thrown: unknown) => {
    const why = thrown instanceof Error ? thrown.stack : thrown;
    broken.push(`${row.name} ${JSON.stringify(experiment.variant)}: ${why}`);
    return 'broken' as const;
  });
  if (measured === 'broken') return skipped(row, experiment, 'it broke; the reason is at the end');
  if (!measured) return skipped(row, experiment, interrupted);
  const { subject, peer, outcomes, correct } = measured;
  return outcomes.map(({ goal: { stat, ...target }, ratio, verdict, reason }) => ({
    ...about(row, experiment),
    subject: { name: experiment.subject, ...subject },
    peer: { name: experiment.peer, ...peer },
    ratio: { stat, ...ratio },
    target,
    verdict,
    reason,
    ...(correct.expected > 0 && { correct }),
  }));
}

function skipped(row: BenchRow, experiment: Experiment, reason: string): Metric[] {
  const reasons = { verdict: 'skipped' as const, reason };
  return experiment.goals.map(({ stat: _stat, ...target }) => ({ ...about(row, experiment), target, ...reasons }));
}

function about({ name }: BenchRow, { variant, unit, better }: Experiment) {
  return { name, variant, unit, better };
}

async function curveOf(plan: SeriesPlan): Promise<Series[]> {
  if (stop.signal.aborted) return [];
  const missing = await plan.missing?.();
  if (missing === undefined) return [await measureSeries(plan, mode, stop.signal)];
  console.error(`bench: ${plan.name} is skipped: ${missing}`);
  return [];
}

/** Broken rows and lost, duplicated or reordered events fail the run. A slow ratio does not. */
function exitCode(): number {
  for (const why of broken) console.error(`bench: ${why}`);
  const wrong = metrics.filter(({ correct }) => correct && hasDeliveryErrors(correct));
  for (const metric of wrong) console.error(`bench: ${metricKeyOf(metric)}: ${metric.reason}`);
  return broken.length + wrong.length > 0 ? 1 : 0;
}
