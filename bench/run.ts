// `npm run bench -- [--full] [--only P06,P12] [--variant clients=50] [--series name] [--seed N] [--gate]
// [--against folder]`: measures each row against the simplest program that does the same, or against another checkout.
// docs/benchmarks.md explains the method and the terms.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { plainTable } from '../src/core/plain-table.ts';
import { against, isTimed } from './lib/against.ts';
import { describeCommit, describeHost } from './lib/host.ts';
import { type Experiment, isWrong, type Row } from './lib/measure.ts';
import { noiseSensor, stealSensor } from './lib/noise.ts';
import { BenchResult, keyOf, type Metric } from './lib/result.ts';
import { type Instruments, measure } from './lib/rounds.ts';
import { measureSeries } from './lib/series.ts';
import { seeded, shuffled } from './lib/statistics.ts';
import { cells, columns, seriesTable } from './lib/table.ts';
import { breaksGate } from './lib/verdict.ts';
import { wishes } from './lib/wishes.ts';
import { rows } from './rows/all.ts';

const here = import.meta.dirname;
const idleMs = 500;
const interrupted = 'interrupted';

const { mode, seed, gate, withinMs, rows: chosen, isWanted, against: other, series: curve } = wishes(rows);

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stop.abort());
if (withinMs !== undefined) setTimeout(() => stop.abort(), withinMs).unref();
/** No row can use up the time of the others. */
const eachMs = withinMs && Math.floor(withinMs / chosen.flatMap((row) => row.experiments(mode)).length);
const baseline = z
  .record(z.string(), z.number())
  .parse(JSON.parse(await readFile(join(here, 'baseline.json'), 'utf8')));
const random = seeded(seed);
const instruments: Instruments = { now: () => performance.now(), feel: noiseSensor(), random, signal: stop.signal };
const steal = stealSensor();
const host = describeHost();

const metrics: Metric[] = [];
const broken: string[] = [];
if (!curve) for (const row of chosen) metrics.push(...(await metricsOf(row)));
const cannot = await curve?.missing?.();
if (cannot !== undefined) {
  console.error(`bench: ${curve?.id} is skipped: ${cannot}`);
  process.exit(3);
}
const curves = curve ? [await measureSeries(curve, mode, stop.signal)] : [];

const result = BenchResult.parse({
  ...{ schema: 'corral-bench/1', mode, seed, metrics, series: curves },
  ...describeCommit(),
  host: { ...host, steal: steal() },
});
const folder = join(here, 'results', other === undefined ? '' : 'against');
await mkdir(folder, { recursive: true });
const file = join(folder, `${new Date().toISOString().replace(/[:.]/g, '-')}.json`);
await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
console.log(plainTable(curve ? curves.flatMap(seriesTable) : [[...columns], ...metrics.map(cells)]));
console.log(`\n${host.cores} × ${host.cpu}, Node ${host.node}, ${mode}, seed ${seed}; all of it in ${file}`);
process.exitCode = exitCode();

/** Measures in shuffled order; each result keeps its place in the table. */
async function metricsOf(row: Row): Promise<Metric[]> {
  const wanted = row.experiments(mode).filter(isWanted);
  const experiments = other === undefined ? wanted : wanted.filter(isTimed).map((it) => against(it, other));
  if (experiments.length === 0) return [];
  const missing = await row.missing();
  if (missing !== undefined) return experiments.flatMap((it) => skipped(it, missing));
  const found = new Map<Experiment, Metric[]>();
  for (const experiment of shuffled(experiments, random)) {
    if (stop.signal.aborted) break;
    const from = performance.now();
    found.set(experiment, await metricsFrom(experiment));
    const seconds = ((performance.now() - from) / 1_000).toFixed(0);
    console.error(`bench: ${row.id} ${row.title} ${JSON.stringify(experiment.variant)} took ${seconds} s`);
    await pause(idleMs);
  }
  return experiments.flatMap((experiment) => found.get(experiment) ?? skipped(experiment, interrupted));
}

async function metricsFrom(experiment: Experiment): Promise<Metric[]> {
  const signal = eachMs === undefined ? stop.signal : AbortSignal.any([stop.signal, AbortSignal.timeout(eachMs)]);
  const measured = await measure(experiment, { ...instruments, signal }).catch((thrown: unknown) => {
    broken.push(
      `${experiment.id} ${JSON.stringify(experiment.variant)}: ${thrown instanceof Error ? thrown.stack : thrown}`,
    );
    return 'broken' as const;
  });
  if (measured === 'broken') return skipped(experiment, 'it broke; the reason is at the end');
  if (!measured) return skipped(experiment, interrupted);
  const { subject, peer, outcomes, correct } = measured;
  return outcomes.map(({ goal: { stat, ...target }, ratio, verdict, reason }) => {
    const metric = {
      ...about(experiment),
      subject: { name: experiment.subject, ...subject },
      peer: { name: experiment.peer, ...peer },
      ...{ ratio: { stat, ...ratio }, target, verdict, reason },
      ...(correct.expected > 0 && { correct }),
    };
    const known = baseline[keyOf(metric)];
    return { ...metric, ...(known !== undefined && { baseline: known }) };
  });
}

function skipped(experiment: Experiment, reason: string): Metric[] {
  return experiment.goals.map(({ stat: _stat, ...target }) => ({
    ...{ ...about(experiment), target, verdict: 'skipped' as const, reason },
  }));
}

function about({ id, variant, unit, better }: Experiment) {
  return { id, variant, unit, better };
}

/** A failed row, or lost, duplicated or reordered events, fail every run. A slow ratio fails only the gate. */
function exitCode(): number {
  for (const why of broken) console.error(`bench: ${why}`);
  const wrong = metrics.filter(({ correct }) => correct && isWrong(correct));
  for (const metric of wrong) console.error(`bench: ${keyOf(metric)}: ${metric.reason}`);
  const slow = metrics.filter(
    ({ ratio, target, verdict, baseline }) => verdict === 'fail' && ratio && breaksGate(ratio.ci95, target, baseline),
  );
  for (const metric of gate ? slow : []) console.error(`bench: the gate does not let ${keyOf(metric)} pass`);
  const unmeasured = gate ? metrics.filter(({ verdict }) => verdict === 'skipped' || verdict === 'noisy') : [];
  for (const { reason, ...metric } of unmeasured)
    console.error(`bench: the gate does not guard ${keyOf(metric)}: ${reason}`);
  const isBlind = gate && unmeasured.length === metrics.length;
  if (broken.length > 0 || wrong.length > 0 || (gate && slow.length > 0)) return 1;
  return isBlind ? 3 : 0;
}
