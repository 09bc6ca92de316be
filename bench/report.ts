// `node scripts/run.mjs bench/report.ts`: merges bench/results into docs/performance/figures.json, and renders
// docs/performance.md and its plot from it.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Figures, mergeFigures } from './lib/report/figures.ts';
import { renderPerformancePage } from './lib/report/performance-page.ts';
import { BenchResult } from './lib/report/result.ts';
import { rows, series } from './rows/all.ts';

const folder = join(import.meta.dirname, 'results');
const docs = join(import.meta.dirname, '../docs');
const file = join(docs, 'performance/figures.json');

const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
const results = texts.flatMap((text) => BenchResult.safeParse(JSON.parse(text)).data ?? []);
const figures = mergeFigures(Figures.parse(JSON.parse(await readFile(file, 'utf8'))), results);
await writeFile(file, textOf(figures));
const { text, picture } = renderPerformancePage({ figures, rows, series });
await writeFile(join(docs, 'performance.md'), text);
await writeFile(join(docs, 'performance/targets.svg'), picture);
console.log(`docs/performance.md shows ${figures.metrics.length} figures and ${figures.series.length} series`);

/** One figure per line keeps diffs small. */
function textOf({ machine, metrics, series }: Figures): string {
  const lines = (all: readonly object[]) => all.map((one) => `  ${JSON.stringify(one)}`).join(',\n');
  return `{\n"machine": ${JSON.stringify(machine)},\n"metrics": [\n${lines(metrics)}\n],\n"series": [\n${lines(series)}\n]\n}\n`;
}
