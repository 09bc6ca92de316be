import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { faultRows, faultTests, outcomeOf, resultsIn } from '../../../scripts/fault-rows.ts';

const root = resolve(import.meta.dirname, '../../..');
const rows = faultRows(readFileSync(resolve(root, 'docs/faults.md'), 'utf8'));
const table = '| 12 | too many files | it recovers | U, E |\n';
const row = faultRows(table)[0] as (typeof rows)[number];

test('the table of faults is numbered 1 to 134 or more, without a gap', () => {
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_, at) => at + 1));
  expect(rows.length).toBeGreaterThanOrEqual(134);
});

test('every row of the table has a test in each of its layers', () => {
  const tests = faultTests(root);
  const missing = rows.flatMap((it) =>
    outcomeOf(it, tests, undefined).layers.flatMap(({ layer, written }) => (written ? [] : [`${it.number} ${layer}`])),
  );
  expect(missing).toEqual([]);
});

test('every number that a test carries is a row', () => {
  const known = new Set(rows.map(({ number }) => number));
  expect(faultTests(root).filter(({ number }) => !known.has(number))).toEqual([]);
});

test('a row without a test in one of its layers is told', () => {
  const only = [{ number: 12, layer: 'U' as const, file: 'a' }];
  expect(outcomeOf(row, only, undefined).layers.map(({ written }) => written)).toEqual([true, false]);
});

test('a row whose tests are all nightly is nightly in another run, not missing', () => {
  const only = [
    { number: 12, layer: 'U' as const, file: 'test/unit/a.test.ts' },
    { number: 12, layer: 'E' as const, file: 'test/job/chaos/storm.test.ts' },
  ];
  const testResults = [
    { name: `${root}/test/unit/a.test.ts`, assertionResults: [{ fullName: 'F012 a', status: 'passed' }] },
    {
      name: `${root}/test/job/chaos/storm.test.ts`,
      assertionResults: [{ fullName: 'F012 b', status: 'skipped', tags: ['nightly'] }],
    },
  ];
  const { layers } = outcomeOf(row, only, resultsIn({ testResults }, root));
  expect(layers).toMatchObject([
    { layer: 'U', written: true, result: 'passed' },
    { layer: 'E', written: true, result: 'nightly' },
  ]);
});

test('a row fails if one of its tests fails', () => {
  const of = (name: string, status: string) => ({
    name: `${root}/${name}`,
    assertionResults: [{ fullName: 'F012 a', status }],
  });
  const ran = (...testResults: object[]) => outcomeOf(row, [], resultsIn({ testResults }, root)).result;
  expect(ran(of('test/unit/a.test.ts', 'passed'), of('test/job/a.test.ts', 'failed'))).toBe('failed');
  expect(ran(of('test/unit/a.test.ts', 'passed'), of('test/job/a.test.ts', 'pending'))).toBe('passed');
  expect(ran(of('test/job/a.test.ts', 'pending'))).toBe('skipped');
  expect(ran()).toBe('not run');
});
