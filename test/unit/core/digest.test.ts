import { expect, test } from 'vitest';
import { digestOf, digestWithTexts } from '../../../src/core/digest.ts';

test('the digest of an object does not depend on the order of its keys', () => {
  expect(digestOf({ a: 1, b: { d: 2, c: 3 } })).toBe(digestOf({ b: { c: 3, d: 2 }, a: 1 }));
  expect(digestOf({ a: 1 })).not.toBe(digestOf({ a: 2 }));
});

test('a long list of texts is put in as if it were part of the object', () => {
  const rest = { z: { b: 1, a: 2 }, gone: undefined, a: 'x' };
  const texts = ['one', 'two'];
  expect(digestWithTexts(rest, 'messages', texts)).toBe(digestOf({ ...rest, messages: texts }));
});
