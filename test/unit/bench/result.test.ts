import { expect, test } from 'vitest';
import { BenchResult, keyOf, type Metric } from '../../../bench/lib/report/result.ts';
import { cells, markdownTable } from '../../../bench/lib/report/table.ts';
import { rows, series } from '../../../bench/rows/all.ts';
import { plainTable } from '../../../src/core/text/plain-table.ts';

const metric: Metric = {
  name: 'fan-out',
  variant: { subscribers: 100, bytes: 300 },
  unit: 'ms',
  better: 'lower',
  ratio: { stat: 'p99', median: 1.234, ci95: [1.1, 1.3], rounds: 5, voided: 1 },
  target: { max: 1.5 },
  verdict: 'pass',
  reason: '',
};
test('a result with a field that nobody knows is refused', () => {
  const host = { cpu: '', cores: 2, memGiB: 24, kernel: '', node: '', engine: '' };
  const rest = { commit: '', dirty: false, mode: 'quick', seed: 1, host, series: [] };
  const result = { schema: 'corral-bench/2', at: '2026-11-24T03:00:00.000Z', ...rest, metrics: [metric] };
  expect(BenchResult.safeParse(result).success).toBe(true);
  expect(BenchResult.safeParse({ ...result, more: 1 }).success).toBe(false);
});

test('a metric is known by its row, its variant and its statistic', () =>
  expect(keyOf(metric)).toBe('fan-out subscribers=100 bytes=300 p99'));

test('every metric has a unique name in both modes', () => {
  for (const mode of ['quick', 'full'] as const) {
    const names = rows
      .flatMap(({ name, experiments }) => experiments(mode).map((it) => ({ name, ...it })))
      .flatMap(({ name, variant, goals }) => goals.map(({ stat }) => keyOf({ name, variant, ratio: { stat } })));
    expect(new Set(names).size).toBe(names.length);
  }
});

test('the table says the ratio, its interval, the target and the verdict with its reason', () => {
  expect(cells(metric)).toEqual(['fan-out', 'subscribers=100 bytes=300 p99', '1.23', '1.10 to 1.30', '<= 1.5', 'pass']);
  const { ratio: _none, ...without } = metric;
  expect(cells({ ...without, verdict: 'skipped', reason: 'no Docker engine answers' })).toEqual([
    ...['fan-out', 'subscribers=100 bytes=300', '', '', '<= 1.5', 'skipped: no Docker engine answers'],
  ]);
});

test('columns line up', () =>
  expect(
    plainTable([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toBe('a    bb\nccc  d'));

test('a table for a document is Markdown, whatever stands in its cells', () =>
  expect(markdownTable([['a'], ['x|y']])).toBe('| a |\n| --- |\n| x\\|y |'));

test('a series has a name that no row has', () => {
  const names = [...new Set(rows.map(({ name }) => name)), ...series.map(({ name }) => name)];
  expect(new Set(names).size).toBe(names.length);
});
