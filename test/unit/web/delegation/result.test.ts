import { expect, test } from 'vitest';
import { parseChildResult } from '../../../../src/web/delegation/result.ts';

const id = '0123456789abcdef';

test.each([
  [`The child ${id}: completed, 1 turn, 9 tokens.`, ['', [], '']],
  [`Started child ${id}.`, ['', [], '']],
  [`The child ${id}: completed, 1 turn, 9 tokens.\nIts last words:\n# Done\n\nIt is.`, ['', [], '# Done\n\nIt is.']],
  [
    `The child ${id}: waiting, 2 turns, 9 tokens, cost 0.1.\nIt asks: Red\nor blue?\nChanged files:\nM a\nA b\nIts last words:\nHm.`,
    ['Red\nor blue?', ['M a', 'A b'], 'Hm.'],
  ],
])('the result of a sub-agent has its question, its changes and its last words: %j', (output, expected) => {
  const { question, changes, lastWords } = parseChildResult(output) ?? {};
  expect([question, changes, lastWords]).toEqual(expected);
});

test('another text is no result of a sub-agent', () => {
  expect(parseChildResult('This agent cannot delegate.')).toBeUndefined();
});
