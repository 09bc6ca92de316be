import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAnsiRows, stripAnsi } from '../../../../src/web/parts/ansi.ts';
import {
  countLines,
  escapeHiddenCharacters,
  estimateLineCount,
  splitTextParts,
} from '../../../../src/web/parts/bounded-text.ts';

const esc = '\u001b';

test.each([
  ['\u001b[1;31mred\u001b[0m plain', 'red plain'],
  ['\u001b]0;a title\u0007after', 'after'],
  ['\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\', 'link'],
  ['\u001b[2J\u001b[H\u001b(Btop', 'top'],
  ['10%\r50%\r100%\r\nnext\r\r\n\rlast', '100%\nnext\nlast'],
  ['one\r\ntwo\r\r\n', 'one\ntwo\n'],
  ['bell\u0007 back\b tab\tend\u009b', 'bell back tab\tend'],
  ['cut off \u001b[', 'cut off '],
])('%j is shown as %j', (input, shown) => expect(stripAnsi(input)).toBe(shown));

test('plain text has no control characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary-ascii', maxLength: 200 }), (text) => {
      expect(stripAnsi(text)).not.toMatch(/[^\P{Cc}\n\t]/u);
    }),
  );
});

test('a million returns without a new line are read in linear time', () =>
  expect(stripAnsi(`${'\r'.repeat(1_000_000)}x`)).toBe('x'));

test('a line of the terminal has a limit of spans, and continues in further rows', () => {
  const rows = parseAnsiRows(`${esc}[31ma${esc}[32mb`.repeat(100_000));
  expect(rows.flat().length).toBeLessThan(2_000);
  expect(Math.max(...rows.map((row) => row.reduce((sum, { text }) => sum + text.length, 0)))).toBe(200);
  expect(
    rows
      .flat()
      .map(({ text }) => text)
      .join(''),
  ).toBe('ab'.repeat(100_000));
});

test('colours of a terminal become styles, which last over the ends of lines', () => {
  expect(parseAnsiRows('a \u001b[1;31mred\nstill\u001b[0m plain')).toEqual([
    [
      { text: 'a ', class: '' },
      { text: 'red', class: 'ansi-bold', color: '#f28b82' },
    ],
    [
      { text: 'still', class: 'ansi-bold', color: '#f28b82' },
      { text: ' plain', class: '' },
    ],
  ]);
  expect(parseAnsiRows('\u001b[38;5;196mx\u001b[48;2;1;2;3my')).toEqual([
    [
      { text: 'x', class: '', color: 'rgb(255 0 0)' },
      { text: 'y', class: '', color: 'rgb(255 0 0)', background: 'rgb(1 2 3)' },
    ],
  ]);
});

test('no character is halved where a row ends', () => {
  const rows = parseAnsiRows(`x${'\ud83d\ude00'.repeat(500)}`);
  expect([rows.flat().every(({ text }) => text.isWellFormed()), rows.length]).toEqual([true, 6]);
});

test.each([
  ['lines', 'a\n'.repeat(1_000)],
  ['one line', 'a'.repeat(10_000)],
  ['pairs in one line', `x${'\ud83d\ude00'.repeat(5_000)}`],
  ['long lines between short ones', `${'b\n'.repeat(30)}${'c'.repeat(3_000)}\n`.repeat(5)],
  ['empty lines', '\n'.repeat(500)],
  ['nothing', ''],
])('a text of %s is drawn in small parts that make the whole text', (_name, text) => {
  const parts = splitTextParts(text);
  expect(parts.join('')).toBe(text);
  expect(parts.every((part) => part.length <= 2_000 && part.split('\n').length <= 61 && part.isWellFormed())).toBe(
    true,
  );
});

test('the lines of a text are counted with those that wrap', () => {
  expect(countLines(`a\n${'b'.repeat(100)}\n\n`)).toBe(3);
  expect(estimateLineCount(`a\n${'b'.repeat(100)}\n\n`)).toBe(4);
});

test('characters that are invisible or turn the direction of text are shown as codes', () =>
  expect(escapeHiddenCharacters('a\u202eb\u200bc\u0007\n\té')).toBe('a⟨202E⟩b⟨200B⟩c⟨0007⟩\n\té'));

test('a long line continues in the next row after a word', () => {
  const rows = parseAnsiRows('network '.repeat(30));
  expect(rows.map(([span]) => span?.text.length)).toEqual([200, 40]);
  expect(parseAnsiRows('your network', 8).map(([span]) => span?.text)).toEqual(['your ', 'network']);
});
