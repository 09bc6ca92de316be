import { expect, test } from 'vitest';
import { comparisonTable, type Outcome, type Report, reportTable } from '../../../eval/lib/report.ts';

const outcome = (task: string, more: Partial<Outcome> = {}): Outcome => ({
  task,
  attempt: 1,
  passed: true,
  reward: 1,
  status: 'completed',
  why: '',
  seconds: 2,
  turns: 3,
  inputTokens: 100,
  cachedTokens: 0,
  outputTokens: 10,
  cost: 0.5,
  ...more,
});
const report = (...outcomes: Outcome[]): Report => ({
  schema: 'corral-eval/1',
  model: 'a/one',
  driver: 'docker',
  startedAt: '2025-01-01T00:00:00.000Z',
  outcomes,
});
const words = (table: string) => table.split('\n').map((line) => line.split(/ {2,}/));

test('the table has a line for each task, over all its attempts, and one for everything', () => {
  const table = reportTable(report(outcome('b'), outcome('a'), outcome('b', { attempt: 2, passed: false, cost: 1 })));
  expect(words(table)).toEqual([
    ['task', 'passed', 'turns', 'input', 'output', 'cost', 'seconds'],
    ['a', '1/1', '3', '100', '10', '0.5000', '2.0'],
    ['b', '1/2', '6', '200', '20', '1.5000', '4.0'],
    ['all', '2/3', '9', '300', '30', '2.0000', '6.0'],
  ]);
});

test('a cost is shown as unknown when one attempt has no known price', () =>
  expect(words(reportTable(report(outcome('a'), outcome('a', { cost: null })))).at(-1)?.[5]).toBe('-'));

test('two runs stand side by side, with the better one named', () => {
  const one = report(outcome('a'), outcome('b', { passed: false }), outcome('only'));
  const other = { ...report(outcome('a', { passed: false }), outcome('b')), model: 'a/two' };
  const lines = words(comparisonTable(one, other));
  expect(lines[0]).toEqual(['a/one (docker) -> a/two (docker)']);
  const verdicts = lines.slice(2).map((line) => [line[0], line[1], line[6] ?? '']);
  expect(verdicts).toEqual([
    ['a', '1/1 -> 0/1', 'worse'],
    ['b', '0/1 -> 1/1', 'better'],
    ['only', '1/1 -> -', 'only one has it'],
    ['all', '2/3 -> 1/2', 'worse'],
  ]);
});
