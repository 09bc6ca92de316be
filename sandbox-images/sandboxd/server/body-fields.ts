import { AppError } from '../../../src/core/errors/errors.ts';
import type { FileByteRange } from '../../../src/sandboxes/client/abilities.ts';

// Avoids zod, because each module that the daemon loads costs memory in every sandbox.

/** `name`: without NUL. `count`: a non-negative integer. `?`: optional. */
type Kind = 'name' | 'names' | 'text' | 'count' | 'name?' | 'names?' | 'text?' | 'count?' | 'flag?';
type Value<K extends Kind> = K extends `count${string}`
  ? number
  : K extends `flag${string}`
    ? boolean
    : K extends `names${string}`
      ? readonly string[]
      : string;
type Optional<Spec> = { [Key in keyof Spec]: Spec[Key] extends `${string}?` ? Key : never }[keyof Spec];
export type ParsedFields<Spec extends Record<string, Kind>> = {
  [Key in Exclude<keyof Spec, Optional<Spec>>]: Value<Spec[Key]>;
} & { [Key in Optional<Spec>]?: Value<Spec[Key]> };

export function parseBodyFields<const Spec extends Record<string, Kind>>(
  input: unknown,
  spec: Spec,
): ParsedFields<Spec> {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw createBadRequestError('The body must be an object.');
  const body = input as Record<string, unknown>;
  for (const name of Object.keys(body))
    if (!Object.hasOwn(spec, name)) throw createBadRequestError(`There is no field ${name} here.`);
  for (const [name, kind] of Object.entries(spec)) {
    if (body[name] === undefined && kind.endsWith('?')) continue;
    check(name, kind, body[name]);
  }
  return body as ParsedFields<Spec>;
}

function check(name: string, kind: Kind, value: unknown): void {
  if (kind.startsWith('count')) {
    if (!Number.isSafeInteger(value) || (value as number) < 0)
      throw createBadRequestError(`${name} must be a whole number from 0.`);
  } else if (kind.startsWith('flag')) {
    if (typeof value !== 'boolean') throw createBadRequestError(`${name} must be true or false.`);
  } else if (kind.startsWith('names')) {
    if (!Array.isArray(value)) throw createBadRequestError(`${name} must be a list of strings.`);
    for (const item of value) check(name, 'name', item);
  } else {
    if (typeof value !== 'string') throw createBadRequestError(`${name} must be text.`);
    if (kind.startsWith('name') && value.includes('\0'))
      throw createBadRequestError(`${name} must not contain a NUL character.`);
  }
}

export function readRequiredParameter(query: URLSearchParams, name: string): string {
  const value = query.get(name);
  if (value === null) throw createBadRequestError(`The query needs ${name}.`);
  if (value.includes('\0')) throw createBadRequestError(`${name} must not contain a NUL character.`);
  return value;
}
export const readPath = (query: URLSearchParams): string => readRequiredParameter(query, 'path');
export function readCountParameter(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  const value = Number(text);
  check(name, 'count', /^\d+$/.test(text) ? value : undefined);
  return value;
}
export function readFlagParameter(query: URLSearchParams, name: string): boolean {
  const text = query.get(name);
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw createBadRequestError(`${name} must be true or false.`);
}
export function parseFilePart(query: URLSearchParams): FileByteRange {
  const [from, most] = [readCountParameter(query, 'from'), readCountParameter(query, 'most')];
  return { ...(from !== undefined && { from }), ...(most !== undefined && { most }) };
}

/** Checks an id that becomes part of a file name. */
export function parseIdentifier(name: string, value: string): string {
  if (/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,199}$/.test(value)) return value;
  throw createBadRequestError(`${name} must be 1 to 200 letters, digits, dots, colons, dashes or underscores.`);
}

export const createBadRequestError = (message: string) => new AppError('invalid_request', message);
