import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Figures, mergeFigures } from '../../../bench/lib/report/figures.ts';
import { performancePage } from '../../../bench/lib/report/performance-page.ts';
import type { BenchResult, Metric, Series } from '../../../bench/lib/report/result.ts';
import { rows, series } from '../../../bench/rows/all.ts';

const metric: Metric = {
  name: 'command',
  variant: { of: 'true' },
  unit: 'ms',
  better: 'lower',
  ratio: { stat: 'p50', median: 3, ci95: [2, 4], rounds: 5, voided: 0 },
  target: { max: 1.5 },
  verdict: 'fail',
  reason: '',
};
const ratio = metric.ratio as NonNullable<Metric['ratio']>;
const { ratio: _none, ...bare } = metric;
const curve: Series = {
  name: 'runs',
  title: 'Sessions that work',
  along: 'sessions',
  x: [1, 100],
  y: { heapKiB: [10, 20] },
  fits: {},
  rules: [{ says: 'it is flat', isMet: false, found: '2.00' }],
  command: 'npm run bench -- --only runs',
};
const host = { cpu: 'CPU', cores: 2, memGiB: 24, kernel: '6', node: 'v24', engine: '28', runtime: 'runc', cgroup: 2 };
const result = (metrics: readonly Metric[], at = '2026-11-24T03:00:00.000Z'): BenchResult => ({
  schema: 'corral-bench/2',
  at,
  commit: 'abcdef0123456789',
  dirty: false,
  mode: 'full',
  seed: 1,
  host,
  metrics: [...metrics],
  series: [curve],
});
const none: Figures = { machine: '', metrics: [], series: [] };
const pageOf = (figures: Figures) => performancePage({ figures, rows, series });

test('the page names the machine, the command of each series and what was missed', () => {
  const { text } = pageOf(mergeFigures(none, [result([metric])]));
  expect(text).toContain('2 × CPU, 24 GiB');
  expect(text).toContain('- command of=true p50: 3.00 (2.00 to 4.00), target <= 1.5, fail; 2026-11-24, abcdef0');
  expect(text).toContain('- **command**: The cause is not known yet.');
  expect(text).toContain('- **missed**: it is flat (2.00)');
  expect(text).toContain('`npm run bench -- --only runs`, 2026-11-24, commit abcdef0');
  expect(text).toContain('Not measured yet: start-docker');
});

test('a later figure takes the place of an earlier one, and a skipped row leaves it', () => {
  const later = { ...metric, ratio: { ...ratio, median: 1 } };
  const skipped: Metric = { ...bare, verdict: 'skipped', reason: 'no Docker engine answers' };
  const runs = [result([metric]), result([later], '2026-11-25T03:00:00.000Z'), result([skipped])];
  const { metrics } = mergeFigures(none, runs);
  expect(metrics).toMatchObject([{ ratio: { median: 1 }, on: '2026-11-25' }]);
});

test('the stored figures belong to rows that exist, and make the page as it is', () => {
  const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
  const figures = Figures.parse(JSON.parse(read('docs/performance/figures.json')));
  const known = new Set([...rows, ...series].map(({ name }) => name));
  expect([...figures.metrics, ...figures.series].filter(({ name }) => !known.has(name))).toEqual([]);
  const { text, picture } = pageOf(figures);
  expect(read('docs/performance.md')).toBe(text);
  expect(read('docs/performance/targets.svg')).toBe(picture);
});
