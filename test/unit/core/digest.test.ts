import { describe, expect, test } from 'vitest';
import { digestOf, digestOfText, digestWithTexts, GrowingDigest } from '../../../src/core/text/digest.ts';

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

test('a long list of texts is put in as if it were part of the object', () => {
  const rest = { z: { b: 1, a: 2 }, gone: undefined, a: 'x' };
  const texts = ['one', 'two'];
  expect(digestWithTexts(rest, 'messages', texts)).toBe(digestOf({ ...rest, messages: texts }));
});

describe('the digests of a list that grows', () => {
  interface Item {
    readonly text: string;
    readonly isOpen?: boolean;
  }
  const growing = () => {
    const read: string[] = [];
    const digests = new GrowingDigest<Item>(({ text, isOpen }) => {
      read.push(text);
      return isOpen ? undefined : text;
    });
    const of = (items: readonly Item[], rest: object = { a: 1, z: 2 }) =>
      digests.of({ value: { ...rest }, key: 'messages', items }, ({ text }) => text);
    return { read, of };
  };
  const whole = (items: readonly Item[], rest: object = { a: 1, z: 2 }) =>
    digestWithTexts(
      { ...rest },
      'messages',
      items.map(({ text }) => text),
    );
  const [a, b, c, d] = ['one', 'two', '"three"', 'four'].map((text): Item => ({ text })) as [Item, Item, Item, Item];

  test('are those of the whole list, whatever came before', () => {
    const { of } = growing();
    const open = { text: 'open', isOpen: true };
    const lists = [[], [a], [a, b, c], [a, b, c, d], [a, b], [d, c], [d, c, open, a], [d, c, open], [d, c, a]];
    for (const items of lists) expect(of(items), JSON.stringify(items)).toBe(whole(items));
    for (const rest of [{}, { z: 1 }, { a: 'x' }, { a: 'x', z: 'changed' }]) {
      expect(of([a, b], rest)).toBe(whole([a, b], rest));
    }
  });

  test('read only the new end of it', () => {
    const { of, read } = growing();
    of([a, b]);
    of([a, b, c]);
    of([a, b, c, d], { a: 1, z: 'another end' });
    expect(read).toEqual([a, b, c, d].map(({ text }) => text));
  });
});
