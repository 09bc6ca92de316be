import { expect, test } from 'vitest';
import { prettyLine } from '../../../src/observability/pretty.ts';

const entry = {
  level: 'warn',
  time: '2026-01-02T03:04:05.678Z',
  session: 'abc',
  detail: 'two words',
  msg: 'it is slow',
};

test('a log line for people has the time, the level, the text and the fields', () => {
  const line = prettyLine(JSON.stringify(entry), { colour: false });
  expect(line).toBe('03:04:05 warn  it is slow session=abc detail="two words"\n');
});

test('an error is shown with its stack, indented', () => {
  const err = { type: 'Error', message: 'oh', stack: 'Error: oh\n    at here' };
  const line = prettyLine(JSON.stringify({ ...entry, err }), { colour: false });
  expect(line).toMatch(/two words"\n {4}Error: oh\n {8}at here\n$/);
});

test('colours are there only on request', () =>
  expect(prettyLine(JSON.stringify(entry), { colour: true })).toContain('\u001b[33mwarn'));

test('a line that is no JSON stays as it is', () => expect(prettyLine('plain\n', { colour: false })).toBe('plain\n'));
