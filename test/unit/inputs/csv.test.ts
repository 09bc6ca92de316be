import { expect, test } from 'vitest';
import { toCsv } from '../../../src/web/parts/csv.ts';

test.each([
  ['Ada', 'Ada'],
  ['', ''],
  [null, ''],
  [-1.5, '-1.5'],
  ['a, b', '"a, b"'],
  ['a; b', '"a; b"'],
  ['say "hi"', '"say ""hi"""'],
  ['two\r\nlines', '"two\r\nlines"'],
  ['<b>Ada</b>', '<b>Ada</b>'],
  ['ada@example.com', 'ada@example.com'],
  ['=1+1', "'=1+1"],
  ['+49 30', "'+49 30"],
  ['-2', "'-2"],
  ['@SUM(A1)', "'@SUM(A1)"],
  ['  =1', "'  =1"],
  ['\t=1', '"\'\t=1"'],
  ['\rx', '"\'\rx"'],
  ['\u0000=1', "'\u0000=1"],
  ['＝1', "'＝1"],
  ['=HYPERLINK("http://x","y")', '"\'=HYPERLINK(""http://x"",""y"")"'],
] as const)('a cell %j is written as %j', (cell, text) => expect(toCsv([[cell]])).toBe(`${text}\r\n`));

test('rows have their cells in order', () =>
  expect(
    toCsv([
      ['name', 'turns'],
      ['Ada', 2],
    ]),
  ).toBe('name,turns\r\nAda,2\r\n'));
