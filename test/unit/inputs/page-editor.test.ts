import { isUtf8 } from 'node:buffer';
import { expect, test } from 'vitest';
import { toFileChange } from '../../../src/agents/tools/file-text.ts';
import {
  decodeEditableText,
  detectLineEnding,
  isTruncatedText,
  mergeEdit,
} from '../../../src/web/work/files/editor/file-text.ts';
import { publicFiles } from '../../support/public-inputs.ts';

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
  ...publicFiles.map(({ path, bytes }): [string, Buffer, string, boolean] => [
    path,
    bytes,
    path.endsWith('.decTest') ? '\r\n' : '\n',
    isUtf8(bytes),
  ]),
])('%s: what the editor saves unchanged is the file, else it opens read-only', (_, bytes, lineEnd, isExact) => {
  const file = decodeEditableText(bytes);
  expect([file.isExact, detectLineEnding(file.text)]).toEqual([isExact, lineEnd]);
  const lines = file.text.split(lineEnd); // as CodeMirror holds them
  if (isExact) expect(Buffer.from(`${file.mark}${lines.join(lineEnd)}`)).toEqual(bytes);
});

test('a comparison of different line ends shows them', () => {
  expect([detectLineEnding('a\r\nb', 'a\nb'), detectLineEnding('', 'a\r\n')]).toEqual(['\n', '\r\n']);
});

test.each([
  ['\\r alone', 'a\rb\rc\r', 'a\rX\rc\r', 'a\rX\rc\r', 'a\rb\rc\r'],
  ['CRLF', 'a\r\nb\r\n', 'a\r\nX\r\n', 'a\r\nX\r\nnew\r\n', 'a\r\nb\r\nnew\r\n'],
  ['mixed', 'a\r\nb\nc\r', 'a\r\nX\nc\r', 'a\r\nX\nc\r', 'a\r\nb\nc\r'],
  ['a last line end that was added', 'a\nb', 'a\nb\n', 'a\nb\n', 'a\nb'],
  ['a new file', '', 'a\n', 'a\n', ''],
  ['a file that was emptied', 'a\n', '', '', 'a\n'],
  ['a byte-order mark that was lost', '\ufeffa\n', 'a\n', 'a\n', '\ufeffa\n'],
  ['lines that differ by now', 'a\n', 'b\n', 'c\n', undefined],
])('a change of a step is reverted: %s', (_, before, after, current, reverted) =>
  expect(mergeEdit(current, { after, edited: before })).toBe(reverted),
);

test('a text of which an event has only parts is not compared, so that no note about the gap is saved', () => {
  const { content, oldContent } = toFileChange('small', 'x'.repeat(100_000));
  expect([isTruncatedText(content), isTruncatedText(oldContent ?? '')]).toEqual([false, true]);
});
