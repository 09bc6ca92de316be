import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { BenchResult, keyOf, type Metric } from '../../../bench/lib/result.ts';
import { cells, markdownTable, trend } from '../../../bench/lib/table.ts';
import { rows } from '../../../bench/rows/all.ts';
import { plainTable } from '../../../src/core/plain-table.ts';

const metric: Metric = {
  id: 'P07',
  variant: { subscribers: 100, bytes: 300 },
  unit: 'ms',
  better: 'lower',
  ratio: { stat: 'p99', median: 1.234, ci95: [1.1, 1.3], hodgesLehmann: 1.2, rounds: 5, voided: 1 },
  target: { max: 1.5, level: 'lead' },
  verdict: 'pass',
  reason: '',
};
const file = (name: string) => JSON.parse(readFileSync(new URL(`../../../bench/${name}`, import.meta.url), 'utf8'));

test('the JSON Schema beside the results is the schema that they are checked against', () => {
  expect(file('schema.json')).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(BenchResult))));
});

test('a result with a field that nobody knows is refused', () => {
  const host = { cpu: '', cores: 2, memGiB: 24, kernel: '', node: '', engine: '', runtime: '', cgroup: 2, steal: 0 };
  const rest = { commit: '', dirty: false, mode: 'quick', seed: 1, host, series: [] };
  const result = { schema: 'corral-bench/1', ...rest, metrics: [metric] };
  expect(BenchResult.safeParse(result).success).toBe(true);
  expect(BenchResult.safeParse({ ...result, more: 1 }).success).toBe(false);
});

test('a metric is known by its row, its variant and its statistic', () => {
  expect(keyOf(metric)).toBe('P07 subscribers=100 bytes=300 p99');
});

test('every metric has a unique name in both modes', () => {
  for (const mode of ['quick', 'full'] as const) {
    const names = rows
      .flatMap((row) => row.experiments(mode))
      .flatMap(({ id, variant, goals }) => goals.map(({ stat }) => `${id} ${JSON.stringify(variant)} ${stat}`));
    expect(new Set(names).size).toBe(names.length);
  }
});

test('every name in the baseline is one that a run can give', () => {
  const names = new Set(
    rows
      .flatMap((row) => [...row.experiments('quick'), ...row.experiments('full')])
      .flatMap(({ id, variant, goals }) => goals.map(({ stat }) => keyOf({ id, variant, ratio: { stat } as never }))),
  );
  expect(Object.keys(file('baseline.json')).filter((name) => !names.has(name))).toEqual([]);
});

test('the table says the ratio, its interval, the target and the verdict with its reason', () => {
  expect(cells(metric)).toEqual(['P07', 'subscribers=100 bytes=300 p99', '1.23', '1.10 to 1.30', '<= 1.5', 'pass']);
  const { ratio: _none, ...without } = metric;
  expect(cells({ ...without, verdict: 'skipped', reason: 'no Docker engine answers' })).toEqual([
    'P07',
    'subscribers=100 bytes=300',
    '',
    '',
    '<= 1.5',
    'skipped: no Docker engine answers',
  ]);
});

test('columns line up', () => {
  expect(
    plainTable([
      ['a', 'bb'],
      ['ccc', 'd'],
    ]),
  ).toBe('a    bb\nccc  d');
});

test('a table for a document is Markdown, whatever stands in its cells', () => {
  expect(markdownTable([['a'], ['x|y']])).toBe('| a |\n| --- |\n| x\\|y |');
});

test('a trend goes from the least to the most', () => {
  expect(trend([1, 2, 3, 1])).toBe('▁▅█▁');
  expect(trend([2, 2])).toBe('▁▁');
});
