// Derives the resource commands, which src/cli reads from derived.json, from the operations of src/api.
import { z } from 'zod';
import { type DescribedOperation, type OperationMeta, parseRestRoute } from '../src/api/procedure/procedure.ts';
import { OkResult } from '../src/api/procedure/schemas.ts';
import type { DerivedCommand, DerivedParameter, DerivedVerb } from '../src/cli/derived.ts';

interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly anyOf?: readonly Schema[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

export function deriveCommands(operations: readonly DescribedOperation[]): DerivedCommand[] {
  const offered = operations.filter(({ meta: { verb, of } }) => verb && of.command);
  return [...Map.groupBy(offered, ({ meta }) => meta.of.command?.name ?? '')].map(([name, ofCommand]) => {
    const { about, examples, item = name, args, hasNames } = commandOf(ofCommand[0]?.meta);
    const verbs = ofCommand.map(toVerb);
    const word = [
      `[${item}]`,
      hasNames ? 'its id, the beginning of one, or its name; the name of a new one' : 'its id',
    ] as const;
    return {
      name,
      about,
      item,
      examples,
      args: args ?? [word, ...furtherWords(verbs)],
      options: optionsOf(verbs),
      verbs,
    };
  });
}
const furtherWords = (verbs: readonly DerivedVerb[]) =>
  verbs.flatMap(({ name, words }) =>
    words.slice(1).map(({ usage }) => [`[${usage}]`, `with ${name}: its id`] as const),
  );

const optionsOf = (verbs: readonly DerivedVerb[]) =>
  [
    ...Map.groupBy(
      verbs.flatMap((verb) => verb.options),
      ({ usage }) => usage,
    ),
  ].map(([usage, [first]]) => {
    const names = verbs.filter(({ options }) => options.some((one) => one.usage === usage)).map(({ name }) => name);
    return [usage, `with ${names.join(' and ')}: ${first?.about}`] as const;
  });

function commandOf(meta: OperationMeta | undefined) {
  if (!meta?.of.command) throw new Error('An operation with a verb belongs to no command.');
  return meta.of.command;
}

function toVerb({ name: calls, isQuery, meta }: DescribedOperation): DerivedVerb {
  const { name, words, options = {}, columns, note } = meta.verb ?? { name: '' };
  const { hasNames, columns: ofItems } = commandOf(meta);
  const schema: Schema = meta.in ? (z.toJSONSchema(meta.in, { io: 'input', unrepresentable: 'any' }) as Schema) : {};
  const isRequired = (field: string) => schema.required?.includes(field) && { isRequired: true };
  const fields = words ?? Object.values(parseRestRoute(meta.rest).fields);
  const known = new Set([...fields, ...Object.values(options)]);
  const described = Object.entries(schema.properties ?? {}).flatMap(([field, { description, type }]) =>
    description === undefined || known.has(field) ? [] : [[flagsOf(field, type), field] as const],
  );
  return {
    name,
    calls,
    isQuery,
    words: fields.map((field) => ({
      ...toValue(schema, field, field),
      ...isRequired(field),
      ...(field === 'sessionId' && { lookup: 'session' }),
      ...(field === 'id' && hasNames && { lookup: 'item' }),
    })),
    options: [...described, ...Object.entries(options)].map(([usage, field]) => ({
      ...toValue(schema, field, usage),
      ...isRequired(field),
    })),
    ...(meta.out !== OkResult && { columns: columns ?? ofItems }),
    ...(note !== undefined && { note }),
  };
}

/** `projectId` becomes `--project <id>`. */
function flagsOf(field: string, type: string | undefined): string {
  const name = field.replace(/Id$/, '').replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const value = field.endsWith('Id') ? 'id' : type === 'array' ? 'list' : name;
  return type === 'boolean' ? `--${name}` : `--${name} <${value}>`;
}

function toValue(schema: Schema, field: string, usage: string): DerivedParameter {
  const choices = (one: Schema): readonly Schema[] => one.anyOf?.flatMap(choices) ?? [one];
  const found = field.split('.').reduce<Schema>((at, name) => {
    const inner = choices(at).find(({ properties }) => properties?.[name])?.properties?.[name];
    if (!inner) throw new Error(`${usage}: the input has no field ${field}.`);
    return inner;
  }, schema);
  const all = choices(found);
  const about = [found, ...all].find(({ description }) => description)?.description ?? '';
  const kinds = new Set(all.map(({ type }) => type));
  const isText = all.some((one) => one.type === 'string' && one.enum === undefined && one.const === undefined);
  const isNumber = kinds.has('number') || kinds.has('integer');
  const words = all.flatMap((one) => one.enum ?? (one.const === undefined ? [] : [one.const]));
  const values = {
    ...Object.fromEntries(words.map((word) => [word, word])),
    ...(isNumber && kinds.has('null') && { default: null }),
  };
  const kind = (): DerivedParameter['kind'] => {
    if (kinds.has('boolean')) return 'flag';
    if (kinds.has('array')) return usage.includes('...') ? 'each' : 'list';
    if (kinds.has('object')) return 'pairs';
    if (isNumber && !isText) return 'number';
    return words.length > 0 ? 'choice' : 'text';
  };
  return { usage, about, field, kind: kind(), ...(Object.keys(values).length > 0 && { values }) };
}
