import { expect, test, vi } from 'vitest';
import { parseJson } from '../../../src/core/text/json.ts';

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
  expect(from.mock.calls.map(([given]) => given)).not.toContain(bytes);
});
