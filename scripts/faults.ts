// `npm run faults`: lists which test proves that Corral survives which fault, and its last result. `-- --run` runs the
// tests; `-- --brief` omits rows that passed in all their layers.
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { computeRowOutcome, findFaultTests, parseFaultRows, parseTestResults, type RowResult } from './fault-rows.ts';

const root = join(import.meta.dirname, '..');
const { values: requested } = parseArgs({
  options: {
    run: { type: 'boolean' },
    brief: { type: 'boolean' },
    report: { type: 'string', multiple: true, default: [join(root, '.reports/tests.json')] },
  },
});

function testsThatRun(file: string): string[] {
  if (file.endsWith('.test.ts')) return [file];
  return globSync('test/**/*.ts', { cwd: root })
    .filter((other) => importsOf(other).includes(file))
    .flatMap(testsThatRun);
}

const importsOf = (file: string): string[] =>
  [...readFileSync(join(root, file), 'utf8').matchAll(/(?:from|import) ?\(?'(\.[^']+)'/g)].map(([, path = '']) =>
    join(dirname(file), path),
  );

if (requested.run) {
  const files = [...new Set(findFaultTests(root).flatMap(({ file }) => testsThatRun(file)))];
  const vitest = ['node_modules/vitest/vitest.mjs', 'run', ...files];
  spawnSync(process.execPath, vitest, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }); // the report has the result
}
const reports = requested.report.filter((file) => existsSync(file));
const results =
  reports.length > 0 ? reports.flatMap((file) => parseTestResults(JSON.parse(readFileSync(file, 'utf8')))) : undefined;
const rows = parseFaultRows(readFileSync(join(root, 'docs/faults.md'), 'utf8')).map((row) => ({
  row,
  ...computeRowOutcome(row, findFaultTests(root), results),
}));

for (const { row, layers } of rows) {
  if (requested.brief && layers.every(({ written, result }) => written && result === 'passed')) continue;
  const reports = layers.map(({ layer, written, result }) => `${layer} ${written ? result : 'MISSING'}`);
  console.log(`F${String(row.number).padStart(3, '0')}  ${row.fault.slice(0, 66).padEnd(66)}  ${reports.join(' · ')}`);
}
const count = (is: (result: RowResult) => boolean) => rows.filter(({ result }) => is(result)).length;
const without = rows.filter(({ layers }) => layers.some(({ written }) => !written));
console.log(
  `\n${rows.length - without.length} of ${rows.length} rows have a test in each of their layers.` +
    (results
      ? ` The last run: ${count((it) => it === 'passed')} passed, ${count((it) => it === 'failed')} failed, ` +
        `${count((it) => it === 'skipped')} skipped, ${count((it) => it === 'nightly')} only in nightly runs, ` +
        `${count((it) => it === 'not run')} not run.`
      : ' No run is recorded: npm test, or npm run faults -- --run.'),
);
process.exitCode = without.length > 0 || count((it) => it === 'failed') > 0 ? 1 : 0;
