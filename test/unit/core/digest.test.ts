import { expect, test } from 'vitest';
import { digestOf, digestOfText } from '../../../src/core/text/digest.ts';

test('the digest of an object does not depend on the order of its keys', () => {
  expect(digestOf({ a: 1, b: { d: 2, c: 3 } })).toBe(digestOf({ b: { c: 3, d: 2 }, a: 1 }));
  expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: 2 }));
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
  for (const value of values) expect(digestOf(value)).toBe(digestOfText(JSON.stringify(value, sorted) ?? 'null'));
});
