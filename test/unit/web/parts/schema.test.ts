import { expect, test } from 'vitest';
import {
  type FieldDraft,
  type FieldSchema,
  findFieldProblem,
  parseFieldDraft,
  parseNumber,
  toFieldDraft,
  toNumberText,
} from '../../../../src/web/parts/kit/schema.ts';

const list = { kind: 'list', pattern: '^[a-z*.]+$', max: 12 } as const;
const limit = { kind: 'number', isNullable: true, words: ['unlimited'], min: 0, max: 10 } as const;
const events = { kind: 'many', isRequired: true, values: ['a', 'b'] } as const;

test.each<[schema: FieldSchema, draft: FieldDraft, value: unknown, mistake: string | undefined]>([
  [{ kind: 'text' }, '', undefined, undefined],
  [{ kind: 'text', isRequired: true }, '', '', 'form.required'],
  [{ kind: 'text', isRequired: true }, ' ', ' ', 'form.required'],
  [{ kind: 'text', isNullable: true }, '', null, undefined],
  [{ kind: 'text', max: 3 }, 'long', 'long', 'form.tooLong'],
  [{ kind: 'text', min: 3 }, 'so', 'so', 'form.tooShort'],
  [{ kind: 'text', pattern: '^[a-z]+$' }, 'A b', 'A b', 'form.badForm'],
  [{ kind: 'choice', values: ['a', 'b'] }, 'b', 'b', undefined],
  [list, 'a.b, *.c  d', ['a.b', '*.c', 'd'], undefined],
  [list, '', undefined, undefined],
  [list, 'a.b,A', ['a.b', 'A'], 'form.badForm'],
  [list, 'abcdefghijklm', ['abcdefghijklm'], 'form.tooLong'],
  [{ ...list, isRequired: true }, ' , ', [], 'form.required'],
  [limit, '', null, undefined],
  [limit, 'unlimited', 'unlimited', undefined],
  [limit, '2.5', 2.5, undefined],
  [limit, '11', 11, 'form.range'],
  [{ kind: 'number', min: 1, max: Number.MAX_SAFE_INTEGER }, '-5', -5, 'form.atLeast'],
  [limit, 'much', Number.NaN, 'form.noNumber'],
  [events, [], [], 'form.chooseOne'],
  [events, ['b'], ['b'], undefined],
])('a field %o with %j is %j, and says "%s"', (schema, draft, value, mistake) => {
  expect([parseFieldDraft(schema, draft, 'en'), findFieldProblem(schema, draft, 'en')?.[0]]).toEqual([value, mistake]);
});

test.each<[schema: FieldSchema, value: unknown, draft: FieldDraft]>([
  [{ kind: 'text' }, undefined, ''],
  [{ kind: 'text', isNullable: true }, null, ''],
  [{ kind: 'choice', values: ['a'], initial: 'a' }, undefined, 'a'],
  [list, ['a', 'b'], 'a, b'],
  [limit, 0, '0'],
  [events, undefined, []],
  [events, ['b'], ['b']],
])('a field %o shows %j as %j', (schema, value, draft) => expect(toFieldDraft(schema, value, 'en')).toEqual(draft));

test.each([
  ['en', '2.5', 2.5],
  ['en', '1,234.5', 1234.5],
  ['en', '12,345,678', 12_345_678],
  ['en', '2,5', 2.5],
  ['en', '1,2,3', Number.NaN],
  ['en', '1,5.2', Number.NaN],
  ['en', '1 000', Number.NaN],
  ['en', '-3', -3],
  ['en', ' 7 ', 7],
  ['en', '0x10', Number.NaN],
  ['de', '2,5', 2.5],
  ['de', '1.234,5', 1234.5],
  ['de', '2.50', 2.5],
  ['de', '1.000', 1000],
  ['de', '0,05', 0.05],
  ['de', '', Number.NaN],
] as const)('in %s, %j is the number %d', (locale, text, value) => {
  expect(parseNumber(text, locale)).toBe(value);
  if (!Number.isNaN(value)) expect(parseNumber(toNumberText(value, locale), locale)).toBe(value);
});
