import { createHash } from 'node:crypto';

/** The SHA-256 of a text, in hexadecimal. */
export const digestOfText = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The SHA-256 of a JSON value. The order of its keys does not count, because stores and parsers can change it. */
export const digestOf = (value: unknown): string => digestOfText(JSON.stringify(value, sorted) ?? 'null');

function sorted(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
