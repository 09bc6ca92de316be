import { parse } from 'yaml';
import type { z } from 'zod';
import { nearestWord } from './nearest.ts';
import type { Layout, Setting } from './settings.ts';

// Reads a file whose keys follow from a schema of settings: corral.yaml, and the files of templates.

interface Source extends Layout {
  /** The file's name in errors. */
  readonly file: string;
  /** Ends the error about an unknown key that resembles no known one. */
  readonly help: string;
}

/** The file's leaves by their dotted keys; an empty value counts as unset. Adds each mistake to `problems`. */
export function readYaml(
  text: string,
  { settings, groups, file, help }: Source,
  problems: string[],
): Map<string, unknown> {
  const found = new Map<string, unknown>();
  const keys = settings.map(({ key }) => key);
  const walk = (value: unknown, path: string) => {
    if (keys.includes(path)) return void found.set(path, value ?? undefined);
    if (!groups.has(path)) {
      const meant = nearestWord(path, [...keys, ...groups]);
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

/** A file of others: without aliases, whose content can grow without end. Throws with the reason. */
export const parseYaml = (text: string): unknown => parse(text, { maxAliasCount: 0, logLevel: 'error' });

/** The parsed settings, or those whose values the schema refuses. */
export function parseSettings<Schema extends z.ZodType>(
  schema: Schema,
  settings: readonly Setting[],
  given: (setting: Setting) => unknown,
): { readonly data: z.output<Schema> } | { readonly refused: readonly Setting[] } {
  const tree: Record<string, unknown> = {};
  for (const setting of settings) put(tree, setting.path, given(setting));
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

/** Says what a setting accepts and what it got; `name` is how the user wrote it. */
export function refusal({ accepts, isSecret }: Setting, name: string, value: unknown): string {
  const got = isSecret ? 'something else (not shown)' : JSON.stringify(value).slice(0, 120);
  return `${name} accepts ${accepts}; it got ${got}.`;
}
