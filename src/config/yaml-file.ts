import { CST, isScalar, Lexer, parse, parseDocument, visit } from 'yaml';
import type { z } from 'zod';
import { findNearestWord } from './nearest.ts';
import type { Setting, SettingsLayout } from './settings.ts';

interface Source extends SettingsLayout {
  readonly file: string;
  /** Appended to the error for an unknown key when no known key is similar. */
  readonly help: string;
}

/** Returns the settings by dotted key; empty values are undefined. Adds mistakes to `problems`. */
export function readYamlSettings(
  text: string,
  { settings, groups, file, help }: Source,
  problems: string[],
): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const keys = settings.map(({ key }) => key);
  const walk = (value: unknown, path: string) => {
    if (keys.includes(path)) return void found.set(path, value ?? undefined);
    if (!groups.has(path)) {
      const meant = findNearestWord(path, [...keys, ...groups]);
      problems.push(`${path} in ${file} is not a setting; ${meant ? `did you mean ${meant}?` : help}`);
    } else if (typeof value === 'object' && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value ?? {})) walk(inner, path ? `${path}.${name}` : name);
    } else if (value !== undefined) {
      problems.push(`${path || 'The content'} in ${file} must be a mapping, key: value, one to a line.`);
    }
  };
  try {
    walk(parse(text), '');
  } catch (error) {
    problems.push(`${file} cannot be read: ${String((error as Error).message).split('\n')[0]}`);
  }
  return found;
}

const maxYamlBytes = 128 * 1024;
const maxTokens = 10_000;
const maxDepth = 50;

/**
 * Parses untrusted YAML. Enforces limits first, because the parser is recursive and takes quadratic time. Refuses
 * aliases.
 */
export function parseYaml(text: string, options: { readonly schema?: 'core' } = {}): unknown {
  if (text.length > maxYamlBytes || Buffer.byteLength(text) > maxYamlBytes)
    throw new RangeError(`it is larger than ${maxYamlBytes / 1024} KiB`);
  limitTokens(text);
  const document = parseDocument(text, { uniqueKeys: false, logLevel: 'error', ...options });
  const [error] = document.errors;
  if (error) throw error;
  visit(document, {
    Map(_key, { items }) {
      const names = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (names.has(name)) throw new RangeError(`it has the key ${String(name).slice(0, 100)} twice`);
        names.add(name);
      }
    },
  });
  return document.toJS({ maxAliasCount: 0 });
}

function limitTokens(text: string): void {
  const indents: number[] = []; // indentations of the enclosing lines
  let brackets = 0;
  let marks = 0; // number of `-` and `?` in this line, which can each start a level
  let begins = true;
  let count = 0;
  for (const token of new Lexer().lex(text)) {
    count += 1;
    const type = CST.tokenType(token);
    if (type === 'newline') marks = 0;
    else if (type === 'flow-map-start' || type === 'flow-seq-start') brackets += 1;
    else if (type === 'flow-map-end' || type === 'flow-seq-end') brackets -= 1;
    else if (type === 'seq-item-ind' || type === 'explicit-key-ind') marks += 1;
    else if (type === 'alias') throw new RangeError('it has an alias (*), which could grow without limit');
    if (begins && type !== 'newline') {
      const indent = type === 'space' ? token.length : 0;
      while ((indents.at(-1) ?? 0) > indent) indents.pop();
      if (indent > (indents.at(-1) ?? 0)) indents.push(indent);
    }
    begins = type === 'newline';
    if (count > maxTokens) throw new RangeError(`it has more than ${maxTokens.toLocaleString('en')} tokens`);
    if (indents.length + brackets + marks > maxDepth) throw new RangeError(`it has more than ${maxDepth} levels`);
  }
}

export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  settings: readonly Setting[],
  read: (setting: Setting) => unknown,
): { readonly data: z.output<Schema> } | { readonly refused: readonly Setting[] } {
  const tree: Record<string, unknown> = {};
  for (const setting of settings) put(tree, setting.path, read(setting));
  const { data, error } = schema.safeParse(tree);
  if (!error) return { data };
  const refused = error.issues.flatMap(
    ({ path }) => settings.find((it) => it.path.every((name, depth) => path[depth] === name)) ?? [],
  );
  return { refused: [...new Set(refused)] };
}

function put(tree: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path;
  if (rest.length === 0) {
    if (value !== undefined) tree[name] = value;
    return;
  }
  tree[name] ??= {};
  put(tree[name] as Record<string, unknown>, rest, value);
}

/** `name` is the key or variable that the user wrote. */
export function describeInvalidValue({ accepts, isSecret }: Setting, name: string, value: unknown): string {
  const shown = isSecret ? hideScalars(value) : JSON.stringify(value);
  const got = shown === undefined ? 'something else (not shown)' : shown.slice(0, 200);
  return `${name} accepts ${accepts}; it got ${got}.`;
}

/** Keeps the names of fields, so that a misspelled one can be found. */
const hideScalars = (value: unknown): string | undefined =>
  typeof value === 'object'
    ? `${JSON.stringify(value, (_, inner) => (typeof inner === 'object' ? inner : '…'))} (values not shown)`
    : undefined;
