// Gemini supports a subset of OpenAPI's schema and rejects unknown keys, so only known keys are sent.

type Json = { readonly [key: string]: unknown };
const passed = ['description', 'required', 'minItems', 'maxItems', 'minimum', 'maximum', 'minLength', 'maxLength'];

/** A function's parameters. Undefined if there are none, because Gemini refuses an object without properties. */
export function toGeminiParameters(schema: object): Json | undefined {
  const converted = convert(schema as Json);
  return converted.properties === undefined ? undefined : converted;
}

function convert(schema: Json): Json {
  const types = [schema.type].flat().filter((type) => type !== undefined);
  const ofTypes = types.length > 1 ? types.map((type) => ({ type })) : undefined;
  const alternatives = (schema.anyOf ?? schema.oneOf ?? ofTypes) as readonly Json[] | undefined;
  const nullable = alternatives?.some((one) => one.type === 'null') ?? false;
  const properties = Object.entries((schema.properties ?? {}) as Record<string, Json>);
  // Gemini has no tuples. Here a tuple's items share one type, and minItems and maxItems fix its length.
  const [first] = (schema.prefixItems ?? []) as readonly Json[];
  const items = (schema.items || first) as Json | undefined;
  const several = alternatives?.filter((one) => one.type !== 'null').map(convert);
  if (several?.length === 1) return { ...several[0], ...kept(schema), ...(nullable && { nullable }) };
  if (types[0] === 'null' && types.length === 1) return { ...kept(schema), type: 'string', nullable: true };
  return {
    ...kept(schema),
    ...toDescription(schema),
    ...(types.length === 1 && { type: types[0] }),
    ...(nullable && { nullable }),
    ...(several && { anyOf: several }),
    ...choices(schema),
    ...(properties.length > 0 && {
      properties: Object.fromEntries(properties.map(([name, property]) => [name, convert(property)])),
    }),
    ...(items && { items: convert(items) }),
  };
}

// Zod limits every integer to the safe range, which is useless information for a model.
const telling = (value: unknown): boolean => typeof value !== 'number' || Math.abs(value) < Number.MAX_SAFE_INTEGER;

const kept = (schema: Json): Json =>
  Object.fromEntries(passed.flatMap((key) => (key in schema && telling(schema[key]) ? [[key, schema[key]]] : [])));

function choices(schema: Json): Json {
  const values = (schema.const === undefined ? schema.enum : [schema.const]) as readonly unknown[] | undefined;
  const texts = values?.filter((value) => typeof value === 'string' && value !== ''); // Gemini refuses empty strings in an enum
  return texts && texts.length > 0 && values?.every((value) => typeof value === 'string')
    ? { type: 'string', enum: texts }
    : {};
}

/** Describes in words the constraints that Gemini's schema cannot express. */
function toDescription(schema: Json): { description?: string } {
  const values = schema.enum as readonly unknown[] | undefined;
  const isPlain = values?.every((value) => typeof value === 'string' && value !== '') ?? true;
  const others = schema.additionalProperties;
  const words = [
    ...(isPlain ? [] : [`One of: ${values?.map((value) => JSON.stringify(value)).join(', ')}.`]),
    ...(typeof others === 'object' ? [`Other properties, each: ${JSON.stringify(others).slice(0, 300)}.`] : []),
  ];
  if (words.length === 0) return {};
  return { description: [schema.description, ...words].filter((one) => one !== undefined).join(' ') };
}
