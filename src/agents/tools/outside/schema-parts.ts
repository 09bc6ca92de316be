import { truncateEnd } from '../../../core/text/text.ts';

/** Every provider supports these keywords. */
export interface PortableSchema {
  readonly type?: PortableType;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, PortableSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: PortableSchema | false;
  readonly items?: PortableSchema;
  readonly anyOf?: readonly PortableSchema[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
}
export type PortableType = 'object' | 'array' | 'string' | 'number' | 'integer' | 'boolean' | 'null';
export type JsonRecord = { readonly [key: string]: unknown };

/** The message is shown to users. */
export class UnsupportedSchemaError extends Error {}

const scalars: readonly PortableSchema[] = [{ type: 'string' }, { type: 'number' }, { type: 'boolean' }];
/** Providers refuse a schema without a type and an array without items. */
export const anySchema: PortableSchema = {
  anyOf: [...scalars, { type: 'object' }, { type: 'array', items: { anyOf: [...scalars, { type: 'object' }] } }],
};

export const isObject = (value: unknown): value is JsonRecord =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
export const listSchemas = (value: unknown): unknown[] =>
  Array.isArray(value) ? value.filter((one) => isObject(one) || typeof one === 'boolean') : [];
export const toEntries = (value: unknown): [string, unknown][] => (isObject(value) ? Object.entries(value) : []);
export const toStrings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
export const toFiniteNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;

const typeNames: Readonly<Record<string, PortableType | 'any'>> = {
  ...{ object: 'object', dict: 'object', map: 'object', record: 'object', hash: 'object' },
  ...{ array: 'array', list: 'array', tuple: 'array', set: 'array' },
  ...{
    string: 'string',
    str: 'string',
    text: 'string',
    date: 'string',
    datetime: 'string',
    uuid: 'string',
    enum: 'string',
  },
  ...{ number: 'number', float: 'number', double: 'number', decimal: 'number' },
  ...{ integer: 'integer', int: 'integer', int32: 'integer', int64: 'integer', long: 'integer' },
  ...{ boolean: 'boolean', bool: 'boolean', null: 'null', none: 'null', any: 'any', mixed: 'any', unknown: 'any' },
};

export function readTypes(schema: JsonRecord): PortableType[] {
  const named = [schema.type].flat().filter((type) => typeof type === 'string');
  const known = named.map((type) => typeNames[type.toLowerCase()] ?? 'any');
  if (known.includes('any')) return [];
  return [...new Set(known.length > 0 ? (known as PortableType[]) : impliedTypes(schema))];
}

const implied = {
  object: ['properties', 'additionalProperties', 'patternProperties', 'required', 'propertyNames', 'minProperties'],
  array: ['items', 'prefixItems', 'minItems', 'maxItems', 'uniqueItems', 'contains'],
  string: ['minLength', 'maxLength', 'pattern', 'format'],
  number: ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
} as const;

function impliedTypes(schema: JsonRecord): PortableType[] {
  const values = readEnumValues(schema);
  if (values) return [...new Set(values.map(toPortableType))];
  return Object.entries(implied).flatMap(([type, words]) =>
    words.some(
      (word) =>
        word in schema &&
        typeof schema[word] !== 'undefined' &&
        !(word === 'required' && typeof schema[word] === 'boolean'),
    )
      ? [type as PortableType]
      : [],
  );
}

export function toPortableType(value: unknown): PortableType {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'number' ? 'number' : (typeof value as 'string' | 'boolean' | 'object');
}

export function readEnumValues(schema: JsonRecord): unknown[] | undefined {
  const input = 'const' in schema ? [schema.const] : schema.enum;
  if (!Array.isArray(input) || input.length === 0) return undefined;
  return [...new Map(input.map((value) => [JSON.stringify(value), value])).values()];
}

const descriptionChars = 1_000;
const wordChars = 300;

export function extendDescription(schema: JsonRecord, more: readonly string[]): { description?: string } {
  const own = typeof schema.description === 'string' ? truncateEnd(schema.description.trim(), descriptionChars) : '';
  const all = [...new Set([own, ...more.map((one) => truncateEnd(one, wordChars))])].filter((one) => one !== '');
  return all.length === 0 ? {} : { description: all.join(' ') };
}

const reply: Readonly<Record<string, string>> = {
  format: 'Format',
  pattern: 'Pattern',
  default: 'Default',
  examples: 'Examples',
  multipleOf: 'Multiple of',
  not: 'Not',
  propertyNames: 'Names of properties',
  dependentRequired: 'Required together',
  contains: 'Contains',
  minProperties: 'Fewest properties',
  maxProperties: 'Most properties',
  contentEncoding: 'Encoding',
  contentMediaType: 'Content',
};

export function describeConstraints(schema: JsonRecord): string[] {
  const plain = Object.entries(reply).flatMap(([word, name]) =>
    schema[word] === undefined ? [] : [`${name}: ${describeValue(schema[word])}.`],
  );
  const conditions =
    schema.if === undefined
      ? []
      : [`If ${describeValue(schema.if)}${branch('then', schema)}${branch('else', schema)}.`];
  return [...plain, ...(schema.uniqueItems === true ? ['Each item once.'] : []), ...conditions];
}
const branch = (word: 'then' | 'else', schema: JsonRecord) =>
  schema[word] === undefined ? '' : `, ${word} ${describeValue(schema[word])}`;
export const describeValue = (value: unknown): string =>
  truncateEnd(typeof value === 'string' ? value : JSON.stringify(value), wordChars);

export function readBounds(
  schema: JsonRecord,
  type: PortableType,
): { bounds: Pick<PortableSchema, 'minimum' | 'maximum'>; words: string[] } {
  const words: string[] = [];
  const bound = (plain: 'minimum' | 'maximum', step: 1 | -1): number | undefined => {
    const value = schema[plain];
    const exclusive = schema[plain === 'minimum' ? 'exclusiveMinimum' : 'exclusiveMaximum'];
    const excluded = exclusive === true ? toFiniteNumber(value) : toFiniteNumber(exclusive);
    if (excluded === undefined) return toFiniteNumber(value);
    const next = step === 1 ? Math.floor(excluded) + 1 : Math.ceil(excluded) - 1;
    if (type === 'integer')
      return toFiniteNumber(value) === undefined || exclusive === true
        ? next
        : step * Math.max(step * next, step * (value as number));
    words.push(`${step === 1 ? 'Greater' : 'Less'} than ${excluded}.`);
    return exclusive === true ? undefined : toFiniteNumber(value);
  };
  const [minimum, maximum] = [bound('minimum', 1), bound('maximum', -1)];
  return { bounds: { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) }, words };
}
