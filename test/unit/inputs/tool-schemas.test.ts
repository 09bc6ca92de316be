import { expect, test } from 'vitest';
import { toGeminiParameters } from '../../../src/agents/models/gemini/gemini.ts';
import { type CustomToolDefinition, parseCustomTool } from '../../../src/agents/tools/custom/check.ts';
import { createCustomTool } from '../../../src/agents/tools/custom/custom-tools.ts';
import { z } from '../../../src/agents/tools/custom/definition.ts';
import { toPortableParameters } from '../../../src/agents/tools/outside/portable-schema.ts';
import { type PortableSchema, UnsupportedSchemaError } from '../../../src/agents/tools/outside/schema-parts.ts';
import { createToolRegistry, runTool } from '../../../src/agents/tools/registry.ts';
import { decidePermission } from '../../../src/sessions/run/calls/approval.ts';
import type { AgentProfile } from '../../../src/sessions/run/profile.ts';
import { buildSessionAgentProfile } from '../../../src/sessions/run/session-agent-profile.ts';
import { toolBench } from '../../support/agents/tools.ts';
import { publicInputs } from '../../support/public-inputs.ts';

const object = (properties: object, more: object = {}) => ({ type: 'object', properties, ...more });
const string = { type: 'string' };
const number = { type: 'number' };
const integer = { type: 'integer' };
const nothing = { type: 'null' };
const arrayOf = (items: object) => ({ type: 'array', items });
const required = (...names: string[]) => ({ required: names });
const enumOf = (...values: string[]) => ({ type: 'string', enum: values });
const anyValue = expect.objectContaining({ anyOf: expect.arrayContaining([string]) });
const times = <Value>(count: number, make: (n: number) => Value) => Array.from({ length: count }, (_, n) => make(n));
const named = (count: number, make: (n: number) => [string, object]) => Object.fromEntries(times(count, make));
const chain = named(30, (n) => {
  const next = { $ref: `#/$defs/d${n + 1}` };
  return [`d${n}`, object({ left: next, right: next })];
});

/** The result of each schema: a part of its properties, and of the whole. */
const rows: Record<string, [schema: unknown, properties: object, whole?: object]> = {
  'an array without items, nested too': [
    object({ a: { type: 'array' }, b: arrayOf({ type: 'array' }) }),
    { a: arrayOf(anyValue), b: { items: arrayOf(anyValue) } },
  ],
  'required names a missing property': [object({ a: string }, required('a', 'b')), { b: anyValue }, required('a', 'b')],
  'required names one that a closed object lacks': [
    object({ a: string }, { ...required('a', 'b'), additionalProperties: false }),
    { a: string },
    required('a'),
  ],
  'required: true': [object({ a: { ...string, required: true } }, { required: true }), { a: string }, required('a')],
  'values that are objects and lists': [
    object({ a: { const: { deep: [1] } }, b: { enum: [[1], 'x'] } }),
    {
      a: { type: 'object', description: 'One of: [{"deep":[1]}].' },
      b: { anyOf: [{ type: 'array', description: expect.stringContaining('One of: [[1]].') }, { enum: ['x'] }] },
    },
  ],
  'a property called __proto__': [
    JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}},"required":["__proto__"]}'),
    { __proto___30e2af38: { type: 'string', description: 'The tool calls it "__proto__".' } },
    { required: ['__proto___30e2af38'] },
  ],
  'properties on a string': [object({ a: { type: 'string', properties: { b: {} } } }), { a: string }],
  'two types': [
    object({ a: { type: ['object', 'string'], properties: { b: number } } }),
    { a: { anyOf: [object({ b: number }), string] } },
  ],
  'two types at the root': [{ type: ['object', 'string'], properties: { a: string } }, { a: string }],
  'anyOf at the root': [
    object({ a: string, b: string }, { anyOf: [required('a'), required('b')] }),
    { a: string, b: string },
    { description: 'Needs a, or b.' },
  ],
  'oneOf at the root': [
    {
      oneOf: [
        object({ k: { const: 'x' }, a: string }, required('k', 'a')),
        object({ k: { const: 'y' } }, required('k')),
      ],
    },
    { k: { anyOf: [enumOf('x'), enumOf('y')] }, a: string },
    required('k'),
  ],
  'allOf with references at the root': [
    {
      allOf: [{ $ref: '#/definitions/A' }, object({ b: string }, required('b'))],
      definitions: { A: object({ a: integer }, required('a')) },
    },
    { a: integer, b: string },
    required('a', 'b'),
  ],
  'enum with an empty text and duplicates': [object({ a: enumOf('', 'x', 'x') }), { a: enumOf('', 'x') }],
  'enum of several types': [
    object({ a: { enum: ['a', null, 3] } }),
    { a: { anyOf: [enumOf('a'), nothing, { ...number, enum: [3] }] } },
  ],
  'enum of values that the type excludes': [
    object({ a: { ...string, enum: [1, 2] }, b: { ...number, enum: ['1', 'x'] } }, required('a')),
    { a: { ...number, enum: [1, 2] }, b: enumOf('1', 'x') },
    required('a'),
  ],
  'lengths that are no whole numbers': [
    object({ a: { ...string, minLength: -1, maxLength: 1.5 }, b: { ...arrayOf(string), minItems: 0.5 } }),
    { a: { type: 'string', maxLength: 1 }, b: { minItems: 1 } },
  ],
  'boolean schemas': [object({ a: true, b: false, c: {} }), { a: anyValue, c: anyValue }],
  'no properties': [{ type: 'object' }, {}],
  'nothing at all': [undefined, {}],
  'no type': [
    { properties: { a: { properties: { b: { minLength: 1 } } } } },
    { a: object({ b: { type: 'string', minLength: 1 } }) },
  ],
  'types of other languages': [
    object({ a: { type: 'int' }, b: { type: 'STRING' }, c: { type: 'any' } }),
    { a: integer, b: string, c: anyValue },
  ],
  'a recursive reference': [
    object({ n: { $ref: '#/$defs/N' } }, { $defs: { N: object({ kids: arrayOf({ $ref: '#/$defs/N' }) }) } }),
    { n: object({ kids: { items: object({ kids: { items: { type: 'object' } } }) } }) },
  ],
  'a reference to itself': [{ $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/a' } } }, {}],
  'a reference by anchor, and one with escapes': [
    object(
      { a: { $ref: '#here' }, b: { $ref: '#/$defs/x~1y%20z' } },
      { $defs: { 'x/y z': string, q: { $anchor: 'here', ...number } } },
    ),
    { a: number, b: string },
  ],
  'references that double thirty times': [
    object({ a: { $ref: '#/$defs/d0' } }, { $defs: { ...chain, d30: string } }),
    { a: { type: 'object' } },
  ],
  'nullable, in three spellings': [
    object({ a: { ...string, nullable: true }, b: { type: ['string', 'null'] }, c: { oneOf: [string, nothing] } }),
    { a: { anyOf: [string, nothing] }, b: { anyOf: [string, nothing] }, c: { anyOf: [string, nothing] } },
  ],
  'a tuple': [
    object({ a: { prefixItems: [string, number] }, b: arrayOf([string, string]) }),
    {
      a: { minItems: 2, maxItems: 2, description: 'In this order: 1. string, 2. number.' },
      b: { items: string, maxItems: 2 },
    },
  ],
  'excluded bounds of draft 4': [
    object({ a: { ...integer, minimum: 5, exclusiveMinimum: true }, b: { ...number, exclusiveMaximum: 1 } }),
    { a: { minimum: 6 }, b: { description: 'Less than 1.' } },
  ],
  maps: [
    object({ a: { additionalProperties: string }, b: { patternProperties: { '^x': number } } }),
    {
      a: { additionalProperties: string },
      b: { additionalProperties: number, description: 'Names of other properties match ^x.' },
    },
  ],
  'if, then': [
    JSON.parse(
      '{"properties":{"a":{"type":"string"}},"if":{"properties":{"a":{"const":"x"}}},"then":{"properties":{"b":{"type":"string"}}}}',
    ),
    { a: string, b: string },
    { description: expect.stringMatching(/^If .*then/) },
  ],
  'pattern, format and default': [
    object({ a: { type: 'string', pattern: '(?<x>a)', format: 'my-format', default: 'b' } }),
    { a: { type: 'string', description: 'Format: my-format. Pattern: (?<x>a). Default: b.' } },
  ],
  'a long description': [
    object({ a: { ...string, description: 'x'.repeat(50_000) } }),
    { a: { description: 'x'.repeat(1_000) } },
  ],
  'a schema over 16 KiB for its words': [
    object(named(60, (n) => [`p${n}`, { ...string, description: 'y'.repeat(900) }])),
    { p59: string },
  ],
};

/** A session whose client has one tool with this schema. */
function sessionWith(parameters: unknown) {
  const clientTools = [{ name: 'find', description: 'Finds.', parameters: parameters as Record<string, unknown> }];
  const agent = { name: 'a', instructions: null, tools: [], servers: [], approvals: [], kept: {}, clientTools };
  return buildSessionAgentProfile(agent, { usual: {} as AgentProfile, denied: [], session: {} });
}

test.each(Object.entries(rows))('%s', (_, [schema, properties, whole = {}]) => {
  const made = toPortableParameters(schema).schema;
  expect(sessionWith(schema).tools.declarations).toMatchObject([{ name: 'find', parameters: made }]);
  expect(made).toMatchObject({ type: 'object', properties, ...whole });
  expect(oddIn(made)).toEqual([]);
  const gemini = toGeminiParameters(made);
  expect(gemini ? oddIn(gemini as PortableSchema) : []).toEqual([]);
});

test.each([
  [{ type: 'array' }, /type array/],
  [{ type: 'string' }, /type string/],
  ['text', /not a JSON Schema/],
  [object({ a: { $ref: '#/$defs/none' } }), /refer to "#\/\$defs\/none"/],
  [object({ a: { $ref: 'https://example.com/a.json' } }), /refer to/],
  [object({ a: { allOf: [string, number] } }, required('a')), /no value fits its parameter "a"/],
  [object(named(900, (n) => [`parameter${n}`, string])), /KiB are the limit/],
])('%o has no form that keeps its meaning', (schema, reason) => {
  expect(() => toPortableParameters(schema)).toThrow(reason);
  const { tools, leftOut } = sessionWith(schema);
  expect([tools.declarations, leftOut]).toEqual([[], [{ tool: 'find', reason: expect.stringMatching(reason) }]]);
});

const deep = (wrap: (inner: object) => object) =>
  times(10_000, () => wrap).reduce((inner: object, one) => one(inner), string);
const five = (n: number) => object(named(5, (k) => [`p${n}_${k}`, {}]));

test.each<[string, object, RegExp]>([
  ['properties in properties', deep((inner) => object({ a: inner })), /over 2000 levels deep/],
  ['lists of lists', object({ a: deep(arrayOf) }), /over 2000 levels deep/],
  ['alternatives in alternatives', deep((inner) => ({ anyOf: [inner] })), /over 2000 levels deep/],
  ['a default in brackets', object({ a: { default: deep((inner) => [inner]) } }), /over 2000 levels deep/],
  [
    'a chain of 5,000 references',
    { $ref: '#/$defs/d0', $defs: named(5_000, (n) => [`d${n}`, { $ref: `#/$defs/d${n + 1}` }]) },
    /KiB are the limit/,
  ],
  [
    'a circle of 1,000 references',
    object(
      { a: { $ref: '#/$defs/d0' } },
      { $defs: named(1_000, (n) => [`d${n}`, { $ref: `#/$defs/d${(n + 1) % 1_000}` }]) },
    ),
    /KiB are the limit|^$/,
  ],
  ['1,900 parts of five properties', { allOf: times(1_900, five) }, /KiB are the limit/],
  ['1,900 alternatives of five properties', { anyOf: times(1_900, five) }, /KiB are the limit/],
  [
    '1,900 alternatives in each of two parts',
    { allOf: times(2, (part) => ({ anyOf: times(1_900, (n) => object({ [`p${part}_${n}`]: {} })) })) },
    /KiB are the limit/,
  ],
  [
    '20 lists of 3,000 names',
    { anyOf: times(20, () => required(...times(3_000, (n) => `p${n}`))) },
    /KiB are the limit/,
  ],
  ['a description of 1 MB', object({ a: { type: 'string', description: 'x '.repeat(500_000) } }), /KiB are the limit/],
])('a hostile schema ends soon: %s', (_, schema, reason) => {
  let output = '';
  try {
    toPortableParameters(schema);
  } catch (thrown) {
    output = thrown instanceof UnsupportedSchemaError ? thrown.message : `not reported: ${thrown}`;
  }
  expect(output).toMatch(reason);
});

test('names that a provider refuses have others, and the tool gets its own back', async () => {
  const inner = object({ 'x.y': string, [`long${'g'.repeat(80)}`]: string });
  const { schema, restore } = toPortableParameters(
    object({ $filter: string, 'a[b]': inner, 日本: string, 中国: string, _filter2: string }, required('$filter')),
  );
  const names = Object.keys(schema.properties ?? {});
  expect([names.every((name) => /^[A-Za-z_][\w-]{0,63}$/.test(name)), new Set(names).size]).toEqual([true, 5]);
  expect(schema.required).toEqual(['_filter']);
  const [filter = '', nested = '', japan = ''] = names;
  const long = Object.keys(schema.properties?.[nested]?.properties ?? {})[1] ?? '';
  expect(restore({ [filter]: 'f', [nested]: { x_y: 1, [long]: 2, _filter: 'kept' }, [japan]: 3 })).toEqual({
    $filter: 'f',
    'a[b]': { 'x.y': 1, [`long${'g'.repeat(80)}`]: 2, _filter: 'kept' },
    日本: 3,
  });

  const clash = object({ $id: string, a: object({ _id: string }) });
  const { restore: own, schema: shown } = toPortableParameters(clash);
  const [id = ''] = Object.keys(shown.properties ?? {});
  expect(own({ [id]: 1, a: { _id: 2 } })).toEqual({ $id: 1, a: { _id: 2 } });

  const call = { callId: 'c1', name: 'find', args: { _filter: 'f' }, begun: false };
  const asked = decidePermission({ tools: sessionWith(object({ $filter: string })).tools, approvals: undefined }, call);
  expect(asked?.kind === 'ask' && asked.approval?.args).toEqual({ $filter: 'f' });

  const run = async (_: unknown, args: object) => JSON.stringify(args);
  const parameters = z.object({ $filter: z.string(), any: z.array(z.any()).optional() });
  const parsed = parseCustomTool({ description: 'Finds.', parameters, run }, 'find');
  const tool = createCustomTool(parsed as CustomToolDefinition);
  expect(oddIn(tool.parameters)).toEqual([]);
  const result = await runTool(createToolRegistry(undefined, 'off', [tool]), toolBench().context(), call);
  expect(result).toEqual({ ok: true, output: '{"$filter":"f"}' });
});

test('Gemini reads in words what its schema has no field for', () => {
  const { schema } = toPortableParameters(
    object({ a: { enum: [1, 2] }, b: enumOf('', 'x'), c: { additionalProperties: string } }),
  );
  expect(toGeminiParameters(schema)?.properties).toEqual({
    a: { type: 'number', description: 'One of: 1, 2.' },
    b: { type: 'string', enum: ['x'], description: 'One of: "", "x".' },
    c: { type: 'object', description: 'Other properties, each: {"type":"string"}.' },
  });
});

/** The shapes of two tools of each of 30 public servers, as their packages on npm list them, without their words. */
const publicServers = publicInputs<{ server: string; tools: Record<string, { properties?: object }> }>(
  'mcp-schemas.jsonl',
);

test.each(publicServers)('$server', ({ tools }) => {
  for (const [tool, source] of Object.entries(tools)) {
    const { schema, restore } = toPortableParameters(source);
    expect(oddIn(schema), tool).toEqual([]);
    const filled = (names: object = {}) => Object.fromEntries(Object.keys(names).map((name) => [name, 1]));
    expect(restore(filled(schema.properties)), tool).toMatchObject(filled(source.properties));
    const gemini = toGeminiParameters(schema);
    expect(gemini ? oddIn(gemini as PortableSchema) : [], tool).toEqual([]);
  }
});

/** The parts that a provider refuses. */
function oddIn(schema: PortableSchema, path = ''): string[] {
  const { type, anyOf, items, properties = {}, required = [], additionalProperties } = schema;
  const odd = [
    ...(typeof type === 'string' || anyOf ? [] : [`${path}: no type`]),
    ...(type === 'array' && !items ? [`${path}: no items`] : []),
    ...required.filter((name) => !Object.hasOwn(properties, name)).map((name) => `${path}: requires ${name}`),
    ...Object.keys(schema).filter((key) => /^(\$|allOf|oneOf|not|if|then|const|pattern|default|format)/.test(key)),
  ];
  const inner = [...Object.entries(properties), ...(anyOf ?? []).map((one, at) => [String(at), one] as const)];
  const more = [items, additionalProperties].filter((one) => one !== undefined && one !== false);
  return [
    ...odd,
    ...inner.flatMap(([name, one]) => oddIn(one, `${path}/${name}`)),
    ...more.flatMap((one) => oddIn(one as PortableSchema, `${path}/*`)),
  ];
}
