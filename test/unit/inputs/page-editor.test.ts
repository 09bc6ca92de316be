import { expect, test } from 'vitest';
import { detectLineEnd, exactText } from '../../../src/web/work/files/editor/file-text.ts';

test.each([
  ['CRLF', Buffer.from('a\r\nb\r\n'), '\r\n', true],
  ['CRLF without a last line end', Buffer.from('a\r\nb'), '\r\n', true],
  ['old Mac', Buffer.from('a\rb\r'), '\r', true],
  ['mixed', Buffer.from('a\r\nb\nc\rd'), '\n', true],
  ['no line end', Buffer.from('a'), '\n', true],
  ['a byte-order mark', Buffer.from('\ufeffa\r\nb'), '\r\n', true],
  ['two byte-order marks', Buffer.from('\ufeff\ufeffa\n'), '\n', true],
  ['U+FFFD of its own', Buffer.from('a\ufffd\n'), '\n', true],
  ['Latin-1', Buffer.from('caf\xe9\n', 'latin1'), '\n', false],
  ['Shift_JIS', Buffer.from('\x95\x5c\n', 'latin1'), '\n', false],
  ['a cut character', Buffer.from('🤖\n').subarray(0, 3), '\n', false],
])('%s: what the editor saves unchanged is the file, else it opens read-only', (_, bytes, lineEnd, isExact) => {
  const file = exactText(bytes);
  expect([file.isExact, detectLineEnd(file.text)]).toEqual([isExact, lineEnd]);
  const lines = file.text.split(lineEnd); // as CodeMirror holds them
  if (isExact) expect(Buffer.from(`${file.mark}${lines.join(lineEnd)}`)).toEqual(bytes);
});

test('a comparison of different line ends shows them', () => {
  expect([detectLineEnd('a\r\nb', 'a\nb'), detectLineEnd('', 'a\r\n')]).toEqual(['\n', '\r\n']);
});
