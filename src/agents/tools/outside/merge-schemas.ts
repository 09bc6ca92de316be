import {
  isObject,
  type JsonRecord,
  listSchemas,
  readEnumValues,
  toEntries,
  toFiniteNumber,
  toStrings,
  UnsupportedSchemaError,
} from './schema-parts.ts';

const maxAlternatives = 24;

export function mergeSchemas(a: unknown, b: unknown): unknown {
  if (a === false || b === false) return false;
  if (!isObject(a)) return isObject(b) ? b : {};
  if (!isObject(b)) return a;
  const merged: Record<string, unknown> = { ...a, ...b };
  for (const [key, value] of Object.entries(a)) if (key in b) merged[key] = mergeKeyword(key, value, b[key]);
  const choices = bothChoices(a, b);
  if (choices) {
    delete merged.const;
    merged.enum = choices;
  }
  return choices?.length === 0 || (Array.isArray(merged.type) && merged.type.length === 0) ? false : merged;
}

function mergeKeyword(key: string, a: unknown, b: unknown): unknown {
  switch (key) {
    case 'type':
      return bothTypes([a].flat(), [b].flat());
    case 'properties':
    case 'patternProperties': {
      const names = new Set([...toEntries(a), ...toEntries(b)].map(([name]) => name));
      const [left, right] = [a, b].map((one) => new Map(toEntries(one))) as [
        Map<string, unknown>,
        Map<string, unknown>,
      ];
      return Object.fromEntries([...names].map((name) => [name, mergeSchemas(left.get(name), right.get(name))]));
    }
    case 'required':
      return [...new Set([...toStrings(a), ...toStrings(b)])];
    case 'items':
      return Array.isArray(a) || Array.isArray(b) ? b : mergeSchemas(a, b);
    case 'additionalProperties':
      // `false` applies only to the properties of its own schema
      return a === false || b === false ? undefined : mergeSchemas(a, b);
    case 'allOf':
      return [...listSchemas(a), ...listSchemas(b)];
    case 'anyOf':
    case 'oneOf': {
      const [left, right] = [listSchemas(a), listSchemas(b)];
      if (left.length * right.length > maxAlternatives) return b;
      return left.flatMap((one) => right.map((other) => mergeSchemas(one, other))).filter((one) => one !== false);
    }
    case 'description':
      return a === b ? a : [a, b].filter((one) => typeof one === 'string').join(' ');
    case 'minimum':
    case 'minLength':
    case 'minItems':
    case 'exclusiveMinimum':
      return most(a, b, Math.max);
    case 'maximum':
    case 'maxLength':
    case 'maxItems':
    case 'exclusiveMaximum':
      return most(a, b, Math.min);
    default:
      return b;
  }
}

const most = (a: unknown, b: unknown, pick: (a: number, b: number) => number): unknown => {
  const [left, right] = [toFiniteNumber(a), toFiniteNumber(b)];
  return left === undefined || right === undefined ? (b ?? a) : pick(left, right);
};

function bothTypes(a: unknown[], b: unknown[]): unknown {
  const isIn = (type: unknown, list: unknown[]) =>
    list.includes(type) || (type === 'integer' && list.includes('number'));
  const shared = [...new Set([...a.filter((type) => isIn(type, b)), ...b.filter((type) => isIn(type, a))])];
  return shared.length === 1 ? shared[0] : shared;
}

function bothChoices(a: JsonRecord, b: JsonRecord): unknown[] | undefined {
  const [left, right] = [readEnumValues(a), readEnumValues(b)];
  if (!left || !right) return left ?? right;
  const known = new Set(right.map((value) => JSON.stringify(value)));
  return left.filter((value) => known.has(JSON.stringify(value)));
}

/** Resolves references only within `root`. The resolver throws UnsupportedSchemaError for an unresolvable reference. */
export function createRefResolver(root: JsonRecord): (reference: string) => unknown {
  const anchors = new Map<string, unknown>();
  const pending: unknown[] = [root];
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    if (isObject(node)) {
      for (const key of ['$anchor', '$dynamicAnchor'])
        if (typeof node[key] === 'string') anchors.set(`#${node[key]}`, node);
      for (const key of ['$id', 'id']) if (typeof node[key] === 'string') anchors.set(node[key], node);
    }
    if (typeof node === 'object' && node !== null)
      pending.push(...Object.values(node).filter((one) => typeof one === 'object' && one !== null));
  }
  return (reference) => {
    if (reference === '#' || reference === '') return root;
    const found = anchors.get(reference) ?? anchors.get(reference.replace(/#$/, ''));
    if (found !== undefined) return found;
    const [base = '', pointer] = reference.split('#', 2);
    let at: unknown = base === '' ? root : anchors.get(base);
    if (pointer === undefined || (pointer !== '' && !pointer.startsWith('/'))) at = undefined;
    for (const part of (pointer ?? '').split('/').slice(1)) {
      const name = unescaped(part).replaceAll('~1', '/').replaceAll('~0', '~');
      at = typeof at === 'object' && at !== null && Object.hasOwn(at, name) ? (at as JsonRecord)[name] : undefined;
    }
    if (/^https?:\/\/json-schema\.org\//.test(reference)) return { type: 'object', description: 'A JSON Schema.' };
    if (at === undefined)
      throw new UnsupportedSchemaError(
        `its parameters refer to ${JSON.stringify(reference)}, which they do not contain`,
      );
    return at;
  };
}

function unescaped(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
