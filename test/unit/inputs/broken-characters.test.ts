import { expect, test } from 'vitest';
import { onOneLine, quoteLines } from '../../../src/core/text/quote.ts';
import { beginningOf, endOf, wellFormed } from '../../../src/core/text/text.ts';
import { wholeCharacters } from '../../../src/web/parts/bounded-text.ts';

const half = '\ud83e';
const emoji = '🤖';

test.each([
  ['a text', `half ${half}`, 'half \ufffd'],
  ['the second half', '\udd16 text', '\ufffd text'],
  ['halves in the wrong order', '\udd16\ud83e', '\ufffd\ufffd'],
  ['inside of fields and lists', { a: [{ b: half }], c: 1 }, { a: [{ b: '\ufffd' }], c: 1 }],
  ['a key', { [half]: 1 }, { '\ufffd': 1 }],
  [
    'a field that would be the prototype',
    JSON.parse(`{"__proto__": "${half}"}`),
    JSON.parse('{"__proto__": "\ufffd"}'),
  ],
])('half of a character is replaced in %s', (_, value, whole) => {
  expect(wellFormed(value)).toStrictEqual(whole);
});

test('what is well formed is the same value, not a copy', () => {
  const value = { a: [emoji, { b: null, c: undefined, d: new Uint8Array(1) }] };
  expect(wellFormed(value)).toBe(value);
});

test.each([
  ['the beginning', (text: string) => beginningOf(text, 4)],
  ['the end', (text: string) => endOf(text, 4)],
  ['a quoted text', (text: string) => quoteLines(text, 5)],
  ['a text on one line', (text: string) => onOneLine(text.repeat(100))],
  ['what is typed at once', (text: string) => text.slice(0, wholeCharacters(text, 5))],
])('a cut never splits a character: %s', (_, cut) => {
  for (const text of [`a${emoji}${emoji}${emoji}a`, emoji.repeat(9), `ab${emoji}c${emoji}d`, `日本${emoji}語`]) {
    expect(cut(text).isWellFormed()).toBe(true);
  }
});
