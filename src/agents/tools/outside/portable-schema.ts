import { createHash } from 'node:crypto';
import { truncateEnd } from '../../../core/text/text.ts';
import { createRefResolver, mergeSchemas } from './merge-schemas.ts';
import {
  anySchema,
  describeConstraints,
  describeValue,
  extendDescription,
  isObject,
  type JsonRecord,
  listSchemas,
  type PortableSchema,
  type PortableType,
  readBounds,
  readEnumValues,
  readTypes,
  toEntries,
  toFiniteNumber,
  toPortableType,
  toStrings,
  UnsupportedSchemaError,
} from './schema-parts.ts';

export interface PortableParameters {
  readonly schema: PortableSchema;
  /** Restores the tool's own names in the arguments. */
  restore(args: unknown): unknown;
  readonly refused?: undefined;
}
export interface UnsupportedParameters {
  readonly schema?: undefined;
  readonly refused: string;
}

const maxBytes = 16 * 1024;
const maxSourceBytes = 512 * 1024;
const maxNodes = 2_000;
const maxDepth = 24;
const maxLevels = 2_000;
const maxMerged = 200_000;
/** How many levels of a recursive reference to expand. Below them, any value of the referenced type is accepted. */
const maxRecursion = 2;
const maxAlternatives = 24;

/** Resolves references and describes unsupported constraints in words. Throws UnsupportedSchemaError. */
export function toPortableParameters(source: unknown): PortableParameters {
  const input = source === undefined || source === null || source === true ? {} : source;
  if (!isObject(input)) throw new UnsupportedSchemaError('its parameters are not a JSON Schema');
  if (isDeeper(input, maxLevels))
    throw new UnsupportedSchemaError(`its parameters are nested over ${maxLevels} levels deep`);
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes > maxSourceBytes) throw tooLarge(bytes);
  let last = bytes;
  for (const effort of [
    { recursion: maxRecursion, depth: maxDepth, words: true },
    { recursion: 1, depth: 10, words: true },
    { recursion: 1, depth: 6, words: false },
  ]) {
    const names = new Map<string, string>();
    const created = attempt(() => new Portable(input, { ...effort, names }).root());
    if (!created) continue;
    last = Buffer.byteLength(JSON.stringify(created));
    if (last <= maxBytes) return { schema: created, restore: (args) => restored(args, [created], names) };
  }
  throw tooLarge(last);
}

export function parseParameters(source: unknown): PortableParameters | UnsupportedParameters {
  try {
    return toPortableParameters(source);
  } catch (thrown) {
    if (thrown instanceof UnsupportedSchemaError) return { refused: thrown.message };
    throw thrown;
  }
}

const descriptionChars = 1_024; // the lowest limit among model providers

export function splitToolDescription(
  text: string,
  schema: PortableSchema,
): { description: string; parameters: object } {
  if (text.length <= descriptionChars) return { description: text, parameters: schema };
  const description = truncateEnd(text, descriptionChars);
  const more = `${text.slice(description.length)} ${schema.description ?? ''}`.trim();
  return { description, parameters: { ...schema, description: more } };
}

const tooLarge = (bytes: number) =>
  new UnsupportedSchemaError(
    `its parameters take ${Math.ceil(bytes / 1024)} KiB, and ${maxBytes / 1024} KiB are the limit`,
  );

function isDeeper(value: unknown, most: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > most) return true;
    level = level.flatMap((one) => (typeof one === 'object' && one !== null ? Object.values(one) : []));
  }
  return false;
}

/** Includes the keys at every depth, because any key could be a property name. */
function keysIn(source: JsonRecord): Set<string> {
  const keys = new Set<string>();
  for (const open: unknown[] = [source]; open.length > 0; ) {
    const value = open.pop();
    if (typeof value !== 'object' || value === null) continue;
    if (!Array.isArray(value)) for (const key of Object.keys(value)) keys.add(key);
    for (const one of Object.values(value)) open.push(one);
  }
  return keys;
}

class TooMany extends Error {}
function attempt(make: () => PortableSchema): PortableSchema | undefined {
  try {
    return make();
  } catch (thrown) {
    if (thrown instanceof TooMany) return undefined;
    throw thrown;
  }
}

interface Effort {
  readonly recursion: number;
  readonly depth: number;
  readonly words: boolean;
  readonly names: Map<string, string>;
}

class Portable {
  readonly #source: JsonRecord;
  readonly #effort: Effort;
  readonly #find: (reference: string) => unknown;
  readonly #open: string[] = [];
  readonly #keys: ReadonlySet<string>;
  #nodes = 0;
  #merged = 0;

  constructor(source: JsonRecord, effort: Effort) {
    this.#source = source;
    this.#effort = effort;
    this.#find = createRefResolver(source);
    this.#keys = keysIn(source);
  }

  root(): PortableSchema {
    const flat = this.#flat(this.#source);
    if (!isObject(flat)) throw new UnsupportedSchemaError('no arguments fit its parameters');
    const alternatives = alternativesOf(flat);
    const types = readTypes(flat);
    const branches = alternatives.map((one) => this.#flat(one)).filter(isObject);
    const own = types.length > 0 ? types : [...new Set(branches.flatMap(readTypes))];
    if (own.length > 0 && !own.includes('object'))
      throw new UnsupportedSchemaError(
        `its parameters are of the type ${own.join(' or ')}, and only an object can be sent`,
      );
    const objects = branches.filter((one) => readTypes(one).length === 0 || readTypes(one).includes('object'));
    const whole = objects.length > 0 ? oneOfMany(flat, objects) : flat;
    const created = this.#object({ ...whole, type: 'object' }, 0);
    return { ...created, properties: created.properties ?? {} };
  }

  #flat(schema: unknown): unknown {
    if (!isObject(schema)) return schema === false ? false : {};
    if (++this.#nodes > maxNodes) throw new TooMany();
    const { $ref, $dynamicRef, $recursiveRef, allOf, ...rest } = schema;
    const reference = [$ref, $dynamicRef, $recursiveRef].find((one) => typeof one === 'string');
    let flat: unknown = rest;
    if (typeof reference === 'string') {
      const target = this.#find(reference);
      if (this.#open.filter((one) => one === reference).length >= this.#effort.recursion) {
        const type = isObject(target) ? readTypes(target) : [];
        flat = this.#both(type.length > 0 ? { type } : {}, {
          ...rest,
          description: rest.description ?? 'The same form again.',
        });
      } else {
        this.#open.push(reference);
        flat = this.#both(this.#flat(target), rest);
        if (isObject(flat))
          flat = { ...flat, [opened]: [...((flat[opened] as string[] | undefined) ?? []), reference] };
        this.#open.pop();
      }
    }
    return listSchemas(allOf).reduce((all, part) => this.#both(all, this.#flat(part)), flat);
  }

  #both(a: unknown, b: unknown): unknown {
    for (const one of [a, b]) if (isObject(one)) this.#merged += 1 + toEntries(one.properties).length;
    if (this.#merged > maxMerged) throw new TooMany();
    return mergeSchemas(a, b);
  }

  /** Undefined if no value can match the schema. */
  #convert(source: unknown, depth: number): PortableSchema | undefined {
    const flat = this.#flat(source);
    if (!isObject(flat)) return undefined;
    const references = (flat[opened] as string[] | undefined) ?? [];
    this.#open.push(...references);
    try {
      return depth >= this.#effort.depth ? cutOff(flat) : this.#alternatives(flat, depth);
    } finally {
      this.#open.splice(this.#open.length - references.length);
    }
  }

  #alternatives(flat: JsonRecord, depth: number): PortableSchema | undefined {
    const { anyOf: _, oneOf: __, nullable, description, default: preset, examples, ...rest } = flat;
    const alternatives = alternativesOf(flat);
    if (alternatives.length === 0) return this.#typed(flat, depth);
    const base = { ...rest, ...(nullable === true && { nullable }) };
    const created = alternatives.slice(0, maxAlternatives).flatMap((one) => {
      const part = this.#both(base, this.#flat(one));
      return part === false ? [] : (this.#convert(part, depth) ?? []);
    });
    return united(created, this.#describe({ description, default: preset, examples }, []));
  }

  #typed(flat: JsonRecord, depth: number): PortableSchema | undefined {
    const values = readEnumValues(flat);
    const stated = readTypes(flat);
    // If no enum value has the stated type, the enum takes precedence, as with ["1", "2"] and the type number.
    const isOdd = values !== undefined && !values.some((value) => stated.some((type) => fits(value, type)));
    const types = isOdd ? [...new Set(values.map(toPortableType))] : stated;
    const requested =
      flat.nullable === true && types.length > 0 && !types.includes('null') ? [...types, 'null' as const] : types;
    if (requested.length === 0)
      return { ...anySchema, ...this.#describe(flat, values ? [`One of: ${describeValue(values)}.`] : []) };
    if (requested.length === 1) return this.#ofType(flat, requested[0] as PortableType, depth);
    const { description, default: preset, ...rest } = flat;
    const created = requested.flatMap((type) => this.#ofType({ ...rest, nullable: false }, type, depth) ?? []);
    return united(created, this.#describe({ description, default: preset }, []));
  }

  #ofType(flat: JsonRecord, type: PortableType, depth: number): PortableSchema | undefined {
    const values = readEnumValues(flat)?.filter((value) => fits(value, type));
    if (values?.length === 0) return undefined;
    const ofValues = values ? [`One of: ${describeValue(values)}.`] : [];
    if (type === 'object') return this.#object(flat, depth, ofValues);
    if (type === 'array') return this.#array(flat, depth, ofValues);
    const { bounds, words } = readBounds(flat, type);
    const isNumber = type === 'number' || type === 'integer';
    return {
      type,
      ...(values && type !== 'null' && { enum: values }),
      ...(isNumber ? bounds : {}),
      ...(type === 'string' && lengths(flat, 'minLength', 'maxLength')),
      ...this.#describe(flat, isNumber ? words : []),
    };
  }

  #array(flat: JsonRecord, depth: number, ofValues: readonly string[]): PortableSchema {
    const tuple = Array.isArray(flat.items) ? flat.items : listSchemas(flat.prefixItems);
    const more = Array.isArray(flat.items) ? flat.additionalItems : flat.items;
    const limits = { ...lengths(flat, 'minItems', 'maxItems') };
    if (tuple.length === 0) {
      const items = more === false ? undefined : this.#convert(more ?? true, depth + 1);
      return {
        type: 'array',
        items: items ?? { type: 'string' },
        ...limits,
        ...(items === undefined && { maxItems: 0 }),
        ...this.#describe(flat, ofValues),
      };
    }
    const places = tuple.map((one) => this.#convert(one, depth + 1) ?? anySchema);
    const rest = more === undefined || more === false || more === true ? undefined : this.#convert(more, depth + 1);
    const order = places.map((one, at) => `${at + 1}. ${one.description ?? one.type ?? 'any value'}`).join(', ');
    const isSame = new Set(places.map((one) => JSON.stringify(one))).size === 1 && !rest;
    return {
      type: 'array',
      items: united([...places, ...(rest ? [rest] : [])], {}) ?? anySchema,
      minItems: toFiniteNumber(flat.minItems) ?? (isObject(more) ? 0 : tuple.length),
      ...(more === undefined || more === false
        ? { maxItems: tuple.length }
        : limits.maxItems !== undefined && { maxItems: limits.maxItems }),
      ...this.#describe(flat, isSame ? ofValues : [`In this order: ${order}.`, ...ofValues]),
    };
  }

  #object(flat: JsonRecord, depth: number, ofValues: readonly string[] = []): PortableSchema {
    const words = [...ofValues];
    const conditional = [flat.then, flat.else, ...toEntries(flat.dependentSchemas).map(([, one]) => one)].map((one) =>
      this.#flat(one),
    );
    const declared = new Map<string, unknown>(
      conditional.flatMap((one) => (isObject(one) ? toEntries(one.properties) : [])),
    );
    for (const [name, one] of toEntries(flat.properties))
      declared.set(name, isObject(one) || typeof one === 'boolean' ? one : {});
    const patterns = toEntries(flat.patternProperties);
    const required = new Set(toStrings(flat.required));
    for (const [name, one] of declared) if (isObject(one) && one.required === true) required.add(name);
    // A tool may require a property that its schema does not describe.
    if (flat.additionalProperties !== false || depth > 0 || patterns.length > 0)
      for (const name of required) if (!declared.has(name)) declared.set(name, {});
    const properties: Record<string, PortableSchema> = {};
    const needed: string[] = [];
    for (const [name, one] of declared) {
      const created = this.#convert(one, depth + 1);
      if (!created && required.has(name))
        throw new UnsupportedSchemaError(`no value fits its parameter ${JSON.stringify(name)}`);
      if (!created) continue;
      const shown = this.#nameOf(name);
      properties[shown] =
        shown === name
          ? created
          : { ...created, ...extendDescription({ ...created }, [`The tool calls it ${JSON.stringify(name)}.`]) };
      if (required.has(name)) needed.push(shown);
    }
    const others = patterns.length > 0 ? { anyOf: patterns.map(([, one]) => one) } : flat.additionalProperties;
    if (patterns.length > 0)
      words.push(`Names of other properties match ${patterns.map(([name]) => describeValue(name)).join(' or ')}.`);
    const further = isObject(others) && Object.keys(others).length > 0 ? this.#convert(others, depth + 1) : undefined;
    const isClosed = others === false && Object.keys(properties).length > 0;
    return {
      type: 'object',
      ...(Object.keys(properties).length > 0 && { properties }),
      ...(needed.length > 0 && { required: needed }),
      ...(further ? { additionalProperties: further } : isClosed && { additionalProperties: false as const }),
      ...this.#describe(flat, words),
    };
  }

  #nameOf(name: string): string {
    if (name !== '__proto__' && /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/.test(name)) return name;
    const { names } = this.#effort;
    const plain = name
      .replaceAll(/[^A-Za-z0-9_-]+/g, '_')
      .replace(/^(?![A-Za-z_])/, '_')
      .slice(0, 64);
    const isFree = (one: string) => !this.#keys.has(one) && (names.get(one) ?? name) === name;
    const shown =
      /[A-Za-z0-9]/.test(plain) && plain !== '__proto__' && isFree(plain) && name.length <= 64
        ? plain
        : hashed(plain, name);
    names.set(shown, name);
    return shown;
  }

  #describe(schema: JsonRecord, more: readonly string[]): { description?: string } {
    return this.#effort.words
      ? extendDescription(schema, [...describeConstraints(schema), ...more])
      : extendDescription({ description: undefined }, more);
  }
}

const opened = '\0references';
const hashed = (plain: string, name: string) =>
  `${plain.slice(0, 55)}_${createHash('sha256').update(name).digest('hex').slice(0, 8)}`;

const alternativesOf = (flat: JsonRecord): unknown[] => {
  const [any, one] = [listSchemas(flat.anyOf), listSchemas(flat.oneOf)];
  return any.length > 0 && one.length > 0 ? bothAlternatives(any, one) : [...any, ...one];
};
const bothAlternatives = (a: unknown[], b: unknown[]): unknown[] =>
  (mergeSchemas({ anyOf: a }, { anyOf: b }) as { anyOf: unknown[] }).anyOf;

function oneOfMany({ anyOf: _, oneOf: __, ...base }: JsonRecord, objects: readonly JsonRecord[]): JsonRecord {
  const all = Map.groupBy(
    objects.flatMap(({ properties }) => toEntries(properties)),
    ([name]) => name,
  );
  const own = new Map(toEntries(base.properties));
  const properties = [...all].map(([name, forms]): [string, unknown] => {
    const distinct = [...new Map(forms.map(([, one]) => [JSON.stringify(one), one])).values()];
    return [name, mergeSchemas(own.get(name), distinct.length === 1 ? distinct[0] : { anyOf: distinct })];
  });
  const lists = objects.map(({ required }) => toStrings(required));
  const sets = lists.map((list) => new Set(list));
  const always = (lists[0] ?? []).filter((name) => sets.every((set) => set.has(name)));
  const forms = [...new Set(lists.map((list) => list.join(' and ')))].filter((one) => one !== '');
  const note = objects.length > 1 && forms.length > 0 ? ` Needs ${forms.join(', or ')}.` : '';
  const text = [
    base.description,
    ...(base.description === undefined ? objects.map(({ description }) => description) : []),
  ];
  return {
    ...base,
    properties: { ...(isObject(base.properties) && base.properties), ...Object.fromEntries(properties) },
    required: [...new Set([...toStrings(base.required), ...always])],
    description: `${text.filter((one) => typeof one === 'string').join(' Or: ')}${note}`.trim(),
    ...(objects.every(({ additionalProperties }) => additionalProperties === false) && {
      additionalProperties: base.additionalProperties ?? false,
    }),
  };
}

function united(created: readonly PortableSchema[], about: { description?: string }): PortableSchema | undefined {
  const inner = created.flatMap((one) => (one.anyOf && one.description === undefined ? one.anyOf : [one]));
  const all = [...new Map(inner.map((one) => [JSON.stringify(one), one])).values()];
  const [only] = all;
  if (only === undefined) return undefined;
  if (all.length > 1) return { anyOf: all, ...about };
  return about.description === undefined
    ? only
    : { ...only, ...extendDescription({ description: about.description }, [only.description ?? '']) };
}

const fits = (value: unknown, type: PortableType): boolean =>
  toPortableType(value) === type || (type === 'integer' && Number.isInteger(value));

function cutOff(flat: JsonRecord): PortableSchema {
  const [type, ...more] = readTypes(flat);
  if (type === undefined || more.length > 0 || type === 'array')
    return { ...anySchema, ...extendDescription(flat, []) };
  return { type, ...extendDescription(flat, []) };
}

function lengths<Low extends 'minLength' | 'minItems', High extends 'maxLength' | 'maxItems'>(
  flat: JsonRecord,
  low: Low,
  high: High,
): Partial<Record<Low | High, number>> {
  const [least, most] = [toFiniteNumber(flat[low]), toFiniteNumber(flat[high])];
  return {
    ...(least !== undefined && least >= 0 && { [low]: Math.ceil(least) }),
    ...(most !== undefined && most >= 0 && { [high]: Math.floor(most) }),
  } as Partial<Record<Low | High, number>>;
}

function restored(value: unknown, schemas: readonly PortableSchema[], names: ReadonlyMap<string, string>): unknown {
  if (names.size === 0 || typeof value !== 'object' || value === null) return value;
  const here = schemas.flatMap(function forms(one): PortableSchema[] {
    return [one, ...(one.anyOf ?? []).flatMap(forms)];
  });
  if (Array.isArray(value)) {
    const items = here.flatMap((one) => one.items ?? []);
    return value.map((one) => restored(one, items, names));
  }
  return Object.fromEntries(
    Object.entries(value).map(([name, one]) => {
      const declared = here.flatMap(({ properties }) =>
        properties && Object.hasOwn(properties, name) ? [properties[name] as PortableSchema] : [],
      );
      const others =
        declared.length > 0 ? declared : here.flatMap(({ additionalProperties }) => additionalProperties || []);
      return [declared.length > 0 ? (names.get(name) ?? name) : name, restored(one, others, names)];
    }),
  );
}
