import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { computeRowOutcome, findFaultTests, parseFaultRows } from '../../../scripts/fault-rows.ts';

const root = resolve(import.meta.dirname, '../../..');
const rows = parseFaultRows(readFileSync(resolve(root, 'docs/faults.md'), 'utf8'));

test('the table of faults is numbered 1 to 134 or more, without a gap', () => {
  expect(rows.map(({ number }) => number)).toEqual(rows.map((_, at) => at + 1));
  expect(rows.length).toBeGreaterThanOrEqual(134);
});

test('every row of the table has a test in each of its layers', () => {
  const tests = findFaultTests(root);
  const missing = rows.flatMap((it) =>
    computeRowOutcome(it, tests, undefined).layers.flatMap(({ layer, written }) =>
      written ? [] : [`${it.number} ${layer}`],
    ),
  );
  expect(missing).toEqual([]);
});

test('every number that a test carries is a row', () => {
  const known = new Set(rows.map(({ number }) => number));
  expect(findFaultTests(root).filter(({ number }) => !known.has(number))).toEqual([]);
});
