// `node scripts/run.mjs bench/report.ts [--write]`: prints the newest results as a table for a document, with each ratio's
// last ten values; `--write` puts them into docs/performance.md, with plots. Metrics without a ratio are left out of the
// table: without a peer in the same run, a number means nothing.
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { type Measured, performancePage, withMeasured } from './lib/performance-page.ts';
import { BenchResult, keyOf, type Metric } from './lib/result.ts';
import { cells, columns, markdownTable, trend } from './lib/table.ts';

const folder = join(import.meta.dirname, 'results');
const docs = join(import.meta.dirname, '../docs');
const shown = 10;
const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } });

const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
const all = texts.flatMap((text) => BenchResult.safeParse(JSON.parse(text)).data ?? []);
// A quick run stands in only as long as there is no full one.
const hasFull = all.some(({ mode, metrics }) => mode === 'full' && metrics.length > 0);
const results = all.filter(({ mode, metrics }) => !hasFull || mode === 'full' || metrics.length === 0);
const newest = results.findLast(({ metrics }) => metrics.length > 0);
if (!newest) {
  console.error('bench: there is no result yet: npm run bench');
  process.exit(2);
}
const measured = merged(newest);
if (values.write) await write();
else print();

/** A row that was measured again alone replaces the one of the whole run. */
function merged(newest: BenchResult): Measured {
  const metrics = new Map<string, Measured['metrics'][number]>();
  const series = new Map<string, Measured['series'][number]>();
  for (const { dirty, ...result } of results) {
    const commit = `${result.commit.slice(0, 7)}${dirty ? '+' : ''}`;
    for (const metric of result.metrics) {
      const key = `${keyOf({ ...metric, ratio: undefined })} ${metric.ratio?.stat ?? JSON.stringify(metric.target)}`;
      if (metric.verdict !== 'skipped' || !metrics.has(key)) metrics.set(key, { ...metric, commit });
    }
    for (const one of result.series) series.set(one.id, { ...one, commit });
  }
  const inOrder = [...metrics.values()].sort((a, b) => a.id.localeCompare(b.id));
  const isMeasured = ({ id }: Metric) => inOrder.some((it) => it.id === id && it.ratio !== undefined);
  const told = inOrder.filter((it) => it.verdict !== 'skipped' || !isMeasured(it));
  return { newest, metrics: told, series: [...series.values()], trendOf };
}

function trendOf(metric: Metric): string {
  const history = results.flatMap(
    ({ metrics }) => metrics.find((it) => keyOf(it) === keyOf(metric))?.ratio?.median ?? [],
  );
  return trend(history.slice(-shown));
}

function print(): void {
  const rows = measured.metrics
    .filter(({ ratio }) => ratio !== undefined)
    .map((metric) => [...cells(metric), trendOf(metric)]);
  const { host, commit, dirty, mode } = measured.newest;
  console.log(markdownTable([[...columns, 'trend'], ...rows]));
  console.log(`\n${mode}, commit ${commit.slice(0, 7)}${dirty ? ' and changes' : ''}; ${host.cores} × ${host.cpu}, `);
  console.log(`${host.memGiB} GiB, Linux ${host.kernel}, Node ${host.node}, Docker ${host.engine} (${host.runtime}).`);
}

async function write(): Promise<void> {
  const { text, plots } = performancePage(measured);
  const page = join(docs, 'performance.md');
  await writeFile(page, withMeasured(await readFile(page, 'utf8'), text));
  const pictures = join(docs, 'performance');
  await rm(pictures, { recursive: true, force: true });
  await mkdir(pictures);
  for (const [name, svg] of plots) await writeFile(join(pictures, name), svg);
  console.log(`docs/performance.md shows ${measured.metrics.length} metrics and ${measured.series.length} series`);
}
