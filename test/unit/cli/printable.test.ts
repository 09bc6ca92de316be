import { expect, test } from 'vitest';
import { oneLine, printable } from '../../../src/cli/io.ts';

test.each([
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
  ['a title for the window', '\u001b]0;title\u0007text', 'text'],
  ['a link', '\u001b]8;;https://a\u001b\\here\u001b]8;;\u001b\\', 'here'],
  ['a lone escape at the end', 'text\u001b', 'text'],
  ['carriage returns and backspaces', 'secret\rpublic\u0008', 'secretpublic'],
  ['letters that turn the direction of text', 'a\u202eb', 'ab'],
  ['line breaks and tabs, which stay', 'a\r\n\tb\n', 'a\n\tb\n'],
])('text of others cannot steer the terminal: %s', (_, text, shown) => {
  expect(printable(text)).toBe(shown);
});

test('a line is cut where it does not fit', () => {
  expect(oneLine('one\ntwo', 10)).toBe('one');
  expect(oneLine('abcdefgh', 5)).toBe('abcd…');
});
