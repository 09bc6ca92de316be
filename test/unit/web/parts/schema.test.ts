import { expect, test } from 'vitest';
import { type Draft, type FieldSchema, findMistake, fromDraft, toDraft } from '../../../../src/web/parts/kit/schema.ts';

const list = { kind: 'list', pattern: '^[a-z*.]+$', max: 12 } as const;
const limit = { kind: 'number', isNullable: true, words: ['unlimited'], min: 0, max: 10 } as const;
const events = { kind: 'many', isRequired: true, values: ['a', 'b'] } as const;

test.each<[schema: FieldSchema, draft: Draft, value: unknown, mistake: string]>([
  [{ kind: 'text' }, '', undefined, ''],
  [{ kind: 'text', isRequired: true }, '', '', 'Required.'],
  [{ kind: 'text', isRequired: true }, ' ', ' ', 'Required.'],
  [{ kind: 'text', isNullable: true }, '', null, ''],
  [{ kind: 'text', max: 3 }, 'long', 'long', 'At most 3 characters.'],
  [{ kind: 'text', min: 3 }, 'so', 'so', 'At least 3 characters.'],
  [{ kind: 'text', pattern: '^[a-z]+$' }, 'A b', 'A b', 'Not in the expected form.'],
  [{ kind: 'choice', values: ['a', 'b'] }, 'b', 'b', ''],
  [list, 'a.b, *.c  d', ['a.b', '*.c', 'd'], ''],
  [list, '', undefined, ''],
  [list, 'a.b,A', ['a.b', 'A'], 'Not in the expected form.'],
  [list, 'abcdefghijklm', ['abcdefghijklm'], 'At most 12 characters.'],
  [{ ...list, isRequired: true }, ' , ', [], 'Required.'],
  [limit, '', null, ''],
  [limit, 'unlimited', 'unlimited', ''],
  [limit, '2.5', 2.5, ''],
  [limit, '11', 11, 'Enter a number from 0 to 10.'],
  [limit, 'much', Number.NaN, 'Enter a number.'],
  [events, [], [], 'Choose at least one.'],
  [events, ['b'], ['b'], ''],
])('a field %o with %j is %j, and says "%s"', (schema, draft, value, mistake) => {
  expect([fromDraft(schema, draft), findMistake(schema, draft)]).toEqual([value, mistake]);
});

test.each<[schema: FieldSchema, value: unknown, draft: Draft]>([
  [{ kind: 'text' }, undefined, ''],
  [{ kind: 'text', isNullable: true }, null, ''],
  [{ kind: 'choice', values: ['a'], initial: 'a' }, undefined, 'a'],
  [list, ['a', 'b'], 'a, b'],
  [limit, 0, '0'],
  [events, undefined, []],
  [events, ['b'], ['b']],
])('a field %o shows %j as %j', (schema, value, draft) => expect(toDraft(schema, value)).toEqual(draft));
