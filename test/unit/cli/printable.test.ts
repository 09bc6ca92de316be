import { expect, test } from 'vitest';
import { escapeControls, oneLine, printable } from '../../../src/cli/io.ts';

test.each([
  ['colours', '\u001b[31mred\u001b[0m', 'red'],
  ['a title for the window', '\u001b]0;title\u0007text', 'text'],
  ['a link', '\u001b]8;;https://a\u001b\\here\u001b]8;;\u001b\\', 'here'],
  ['a lone escape at the end', 'text\u001b', 'text'],
  ['carriage returns and backspaces', 'secret\rpublic\u0008', 'secretpublic'],
  ['letters that turn the direction of text', 'a\u202eb', 'ab'],
  ['line breaks and tabs, which stay', 'a\r\n\tb\n', 'a\n\tb\n'],
])('text of others cannot steer the terminal: %s', (_, text, shown) => expect(printable(text)).toBe(shown));

test('a line is cut where it does not fit', () => {
  expect([oneLine('one\ntwo', 10), oneLine('abcdefgh', 5)]).toEqual(['one', 'abcd…']);
});

test.each([
  ['the clipboard (OSC 52)', '\u001b]52;c;ZXZpbA==\u0007text', 'text'],
  ['a title in 8 bits', 'a\u009d0;title\u009cb', 'a\\u009d0;title\\u009cb'],
  ['a colour that is not ours', '\u001b[8mhidden\u001b[5;31m', 'hidden'],
  ['a cursor', 'a\u001b[2J\u001b[1;1Hb', 'ab'],
  ['a carriage return in a line', 'good\rbad', 'goodbad'],
  ['line ends, which stay', 'a\r\n\tb', 'a\r\n\tb'],
  ['JSON, which keeps its value', JSON.stringify({ a: '\u009b\u007f\u202e' }), '{"a":"\\u009b\\u007f\\u202e"}'],
])('no line of a command steers the terminal: %s', (_, line, shown) =>
  expect([escapeControls(line, false), escapeControls(line, true)]).toEqual([shown, shown]),
);

test('colours of our own reach a terminal that shows them', () =>
  expect([escapeControls('\u001b[2mdim\u001b[22m', true), escapeControls('\u001b[2mdim\u001b[22m', false)]).toEqual([
    '\u001b[2mdim\u001b[22m',
    'dim',
  ]));
