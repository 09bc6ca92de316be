import { expect, test } from 'vitest';
import { z } from 'zod';
import { toGeminiParameters } from '../../../../src/agents/models/gemini/gemini.ts';
import { createToolRegistry } from '../../../../src/agents/tools/registry.ts';
import { makePlanTool } from '../../../../src/agents/tools/special.ts';

const converted = (shape: z.ZodRawShape) =>
  toGeminiParameters(z.toJSONSchema(z.object(shape), { io: 'input' }))?.properties;

test('descriptions, bounds and required names stay', () => {
  const schema = z.object({ n: z.int().min(1).max(9).describe('how many'), s: z.string().optional() });
  expect(toGeminiParameters(z.toJSONSchema(schema, { io: 'input' }))).toEqual({
    type: 'object',
    required: ['n'],
    properties: { n: { type: 'integer', minimum: 1, maximum: 9, description: 'how many' }, s: { type: 'string' } },
  });
});

test('a bound that every integer has is left out', () =>
  expect(converted({ n: z.int() })).toEqual({ n: { type: 'integer' } }));

test('schema features that Gemini spells differently are converted', () =>
  expect(
    converted({
      choice: z.enum(['a', 'b']),
      one: z.literal('x'),
      none: z.string().nullable(),
      either: z.union([z.string(), z.number()]),
      list: z.array(z.object({ a: z.string() })),
    }),
  ).toEqual({
    choice: { type: 'string', enum: ['a', 'b'] },
    one: { type: 'string', enum: ['x'] },
    none: { type: 'string', nullable: true },
    either: { anyOf: [{ type: 'string' }, { type: 'number' }] },
    list: { type: 'array', items: { type: 'object', properties: { a: { type: 'string' } }, required: ['a'] } },
  }));

test('a tool without arguments has no parameters at all', () =>
  expect(toGeminiParameters(z.toJSONSchema(z.object({})))).toBeUndefined());

// The fields of `Schema` in Gemini's API reference; `title`, `example` and the like are left out on purpose.
test('no Corral tool uses a schema keyword that Gemini refuses', () => {
  const words = new Set<string>();
  const collect = (schema: object, isProperties: boolean): void => {
    for (const [key, value] of Object.entries(schema)) {
      if (!isProperties) words.add(key);
      if (typeof value === 'object' && value !== null && !Array.isArray(value))
        collect(value, key === 'properties' && !isProperties);
    }
  };
  for (const { parameters } of [makePlanTool, ...createToolRegistry().declarations])
    collect(toGeminiParameters(parameters) ?? {}, false);
  const known = [
    ...['type', 'description', 'properties', 'required', 'enum', 'items', 'minimum', 'maximum', 'minLength'],
    ...['maxLength', 'minItems', 'maxItems'],
  ];
  expect([...words].filter((word) => !known.includes(word))).toEqual([]);
});

test('a tuple becomes a list of its length', () => {
  const [array, number] = [{ type: 'array', minItems: 2, maxItems: 2 }, { type: 'number' }];
  const region = { ...array, prefixItems: [number, number], items: false };
  const { properties } = toGeminiParameters({ type: 'object', properties: { region } }) ?? {};
  expect(properties).toEqual({ region: { ...array, items: number } });
});
