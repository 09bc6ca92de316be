// `node scripts/run.mjs bench/report.ts`: prints the newest result as a table for a document, with each ratio's last ten
// values. Metrics without a ratio are left out: without a peer in the same run, a number means nothing.
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BenchResult, keyOf } from './lib/result.ts';
import { cells, columns, markdownTable, trend } from './lib/table.ts';

const folder = join(import.meta.dirname, 'results');
const shown = 10;

const files = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json')).sort();
const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
const results = texts.flatMap((text) => BenchResult.safeParse(JSON.parse(text)).data ?? []);
const newest = results.at(-1);
if (!newest) {
  console.error('bench: there is no result yet: npm run bench');
  process.exit(2);
}
const rows = newest.metrics
  .filter(({ ratio }) => ratio !== undefined)
  .map((metric) => {
    const history = results.flatMap(
      ({ metrics }) => metrics.find((it) => keyOf(it) === keyOf(metric))?.ratio?.median ?? [],
    );
    return [...cells(metric), trend(history.slice(-shown))];
  });
const { host, commit, dirty, mode } = newest;
console.log(markdownTable([[...columns, 'trend'], ...rows]));
console.log(`\n${mode}, commit ${commit.slice(0, 7)}${dirty ? ' and changes' : ''}; ${host.cores} × ${host.cpu}, `);
console.log(`${host.memGiB} GiB, Linux ${host.kernel}, Node ${host.node}, Docker ${host.engine} (${host.runtime}).`);
