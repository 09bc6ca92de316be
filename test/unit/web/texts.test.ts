import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseAnsiRows, stripAnsi } from '../../../src/web/parts/ansi.ts';
import { diffLines } from '../../../src/web/parts/diff.ts';

test.each([
  ['\u001b[1;31mred\u001b[0m plain', 'red plain'],
  ['\u001b]0;a title\u0007after', 'after'],
  ['\u001b]8;;https://example.com\u001b\\link\u001b]8;;\u001b\\', 'link'],
  ['\u001b[2J\u001b[H\u001b(Btop', 'top'],
  ['10%\r50%\r100%\n', '100%\n'],
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

const reported = (before: string | null, after: string) =>
  diffLines(before, after).map(({ kind, text }) => `${kind[0]} ${text}`);

test('a difference shows added and removed lines with the lines around them', () => {
  expect(reported(null, 'a\nb\n')).toEqual(['a a', 'a b']);
  expect([reported('a\nb\nc\n', 'a\nB\nc\n'), reported('a\n', 'a\n')]).toEqual([['s a', 'r b', 'a B', 's c'], ['s …']]);
  const many = Array.from({ length: 20 }, (_, n) => `${n}`);
  const changed = many.with(10, 'x');
  expect(
    diffLines(many.join('\n'), changed.join('\n')).map(({ kind, text }) => (kind === 'skipped' ? '…' : text)),
  ).toEqual(['…', '7', '8', '9', '10', 'x', '11', '12', '13', '…']);
});

test('the added and removed lines of a difference explain the new length of the text', () => {
  const texts = fc.array(fc.constantFrom('a', 'b', 'c', ''), { maxLength: 12 });
  fc.assert(
    fc.property(texts, texts, (old, now) => {
      const lines = diffLines(`${old.join('\n')}\n`, `${now.join('\n')}\n`);
      const of = (kind: string) => lines.filter((line) => line.kind === kind).length;
      const lengths = [old, now].map((one) => Math.max(1, one.length)) as [number, number];
      expect(of('added') - of('removed')).toBe(lengths[1] - lengths[0]);
    }),
  );
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
