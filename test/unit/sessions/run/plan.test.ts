import { expect, test } from 'vitest';
import { firstLine, splitTitle } from '../../../../src/sessions/run/plan.ts';

test.each([
  ['four', ['fo', 'ur']],
  ['a😀', ['a', '😀']],
  ['😀', ['', '😀']],
  ['', ['', '']],
])('%j is said in two pieces that split no character: %j', (text, pieces) => expect(splitTitle(text)).toEqual(pieces));

test('a task’s first line is at most 60 characters of it, none of them half', () => {
  expect(firstLine(`${'a'.repeat(59)}😀 and more\nand another line`)).toBe('a'.repeat(59));
  expect(firstLine(' \n ')).toBe('Task');
});
