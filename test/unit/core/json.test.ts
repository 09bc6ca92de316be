import { expect, test, vi } from 'vitest';
import { digestJson, digestText } from '../../../src/core/text/digest.ts';
import { parseJson } from '../../../src/core/text/json.ts';
import { tryParseJson } from '../../../src/core/text/text.ts';

const limits = { maxBytes: 1_000, maxDepth: 4, maxValues: 10 };
const refusal = (text: string) => {
  const json = parseJson(text, limits);
  return json.ok ? json.value : json.reason;
};

test('JSON within the limits is parsed, from a text and from bytes', () => {
  const value = { a: [1, 'b,[{\\"', null] };
  expect(parseJson(JSON.stringify(value), limits)).toEqual({ ok: true, value });
  expect(parseJson(Buffer.from(JSON.stringify(value)), limits)).toEqual({ ok: true, value });
});
test('bytes count, not characters', () => {
  expect(refusal(`"${'a'.repeat(998)}"`)).toBe('a'.repeat(998));
  expect([refusal(`"${'a'.repeat(999)}"`), refusal(`"${'é'.repeat(500)}"`)]).toEqual(['too_large', 'too_large']);
});
test('depth and values are counted before anything is built, also in text that is no JSON', () => {
  expect([refusal('[[[[]]]]'), refusal('[[[[[')]).toEqual([[[[[]]]], 'too_complex']);
  expect(refusal('[1,2,3,4,5,6,7,8,9]')).toHaveLength(9);
  expect(refusal('1,2,3,4,5,6,7,8,9,0,1')).toBe('too_complex');
  expect(refusal('{"a":{},"b":{},"c":{},"d":{},"e":{},"f":{}}')).toBe('too_complex');
});
test('brackets and commas in strings are neither, and other text is no JSON', () => {
  expect([refusal(`["${'[,'.repeat(50)}"]`), refusal('{"a')]).toEqual([['[,'.repeat(50)], 'not_json']);
  expect(refusal('')).toBe('not_json');
});

test('bytes are parsed where they lie: a copy of a large answer would be 16 MiB more of memory', () => {
  using from = vi.spyOn(Buffer, 'from');
  const bytes = new Uint8Array([0x7b, 0x7d]);
  expect(parseJson(bytes, limits)).toEqual({ ok: true, value: {} });
  expect(from.mock.calls.map(([input]) => input)).not.toContain(bytes);
});

test.each([
  ['{"a":[1]}', { a: [1] }],
  ['null', null],
  ['', undefined],
  ['{"a":', undefined],
])('the JSON of %j is %j', (text, value) => expect(tryParseJson(text)).toEqual(value));

test('the digest of an object does not depend on the order of its keys', () => {
  expect(digestJson({ a: 1, b: { d: 2, c: 3 } })).toBe(digestJson({ b: { c: 3, d: 2 }, a: 1 }));
  expect(digestJson({ a: 1 })).not.toBe(digestJson({ a: 2 }));
});

test('the digest is that of the JSON with sorted keys', () => {
  const sorted = (_key: string, value: unknown) =>
    value === null || typeof value !== 'object' || Array.isArray(value)
      ? value
      : Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  const values = [
    { b: [1, undefined, () => 1, { z: 1, a: null }], a: undefined, 'ü "quoted"': '\n\u2028\ud800' },
    { 10: 'x', 9: 'y', a: 1, '-1': 2, '': 3, '01': 4 },
    [new Date(0), { at: new Date(1) }, -0, Number.NaN, 1e21, true],
    ...['text', null, undefined, 7, {}, []],
  ];
  for (const value of values) expect(digestJson(value)).toBe(digestText(JSON.stringify(value, sorted) ?? 'null'));
});
