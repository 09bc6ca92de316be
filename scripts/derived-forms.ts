// Derives the fields of the page's forms, which src/web reads from forms.json, from the inputs of the operations.
import { z } from 'zod';
import type { DescribedOperation } from '../src/api/procedure/procedure.ts';
import type { FieldSchema, FormSchema } from '../src/web/parts/kit/schema.ts';

const names = [
  'webhooks.create',
  'automations.create',
  'attempts.start',
  'keys.create',
  'personalKeys.create',
  'serverCredentials.put',
  'budgets.change',
  'memory.write',
  'projects.putMember',
  'projectAccounts.create',
  'toolServers.put',
  'toolServers.change',
];

interface Schema {
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly pattern?: string;
  readonly minItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly default?: unknown;
}

export const deriveForms = (operations: readonly DescribedOperation[]): Record<string, FormSchema> =>
  Object.fromEntries(
    names.map((name) => {
      const input = operations.find((one) => one.name === name)?.meta.in;
      if (!input) throw new Error(`There is no operation ${name} with an input.`);
      const schema = z.toJSONSchema(input, { io: 'input', unrepresentable: 'any' }) as Schema;
      return [name, Object.fromEntries(toFields(schema))];
    }),
  );

/** Includes fields of nested objects, such as `hook.label`, which are required only if the object is, too. */
function toFields(schema: Schema, isInside = true): [name: string, field: FieldSchema][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, one]): [name: string, field: FieldSchema][] => {
    const isRequired = isInside && (schema.required?.includes(name) ?? false);
    const inside = alternatives(one).find(({ properties }) => properties);
    if (!inside) return [[name, toField(one, isRequired)]];
    return toFields(inside, isRequired).map(([field, its]) => [`${name}.${field}`, its]);
  });
}

const alternatives = (schema: Schema): readonly Schema[] => schema.anyOf?.flatMap(alternatives) ?? [schema];

function toField(schema: Schema, isRequired: boolean): FieldSchema {
  const all = alternatives(schema);
  const main = all.find(({ type, const: word }) => type !== 'null' && word === undefined) ?? schema;
  const { pattern, minLength, maxLength, enum: values } = main.items ?? main;
  const isNumber = main.type === 'number' || main.type === 'integer';
  const words = all.flatMap((one) => one.const ?? []);
  return {
    kind: main.type === 'array' ? (values ? 'many' : 'list') : isNumber ? 'number' : values ? 'choice' : 'text',
    ...((isRequired || (schema.minItems !== undefined && values)) && { isRequired: true }),
    ...(all.some(({ type }) => type === 'null') && { isNullable: true }),
    ...(values && { values }),
    ...(words.length > 0 && { words }),
    ...(pattern !== undefined && { pattern }),
    ...(!isNumber && minLength !== undefined && { min: minLength }),
    ...(!isNumber && maxLength !== undefined && { max: maxLength }),
    ...(isNumber && { min: main.minimum, max: main.maximum }),
    ...(main.type === 'integer' && { isWhole: true }),
    ...(typeof schema.default === 'string' && { initial: schema.default }),
  };
}
