import { expect, test } from 'vitest';
import { beginningOf, jsonOrNothing } from '../../../src/core/text/text.ts';

test.each([
  ['short', 5, 'short'],
  ['longer', 4, 'long'],
  ['ab😀cd', 3, 'ab'],
  ['ab😀cd', 4, 'ab😀'],
  ['😀', 1, ''],
])('of %j the beginning of at most %i is %j', (text, most, beginning) =>
  expect(beginningOf(text, most)).toBe(beginning),
);

test.each([
  ['{"a":[1]}', { a: [1] }],
  ['null', null],
  ['', undefined],
  ['{"a":', undefined],
])('the JSON of %j is %j', (text, value) => expect(jsonOrNothing(text)).toEqual(value));
