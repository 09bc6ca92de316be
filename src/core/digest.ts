import { createHash } from 'node:crypto';

/** The SHA-256 of a text, in hexadecimal. */
export const digestOfText = (text: string): string => createHash('sha256').update(text).digest('hex');

/** The SHA-256 of a JSON value. The order of its keys does not count, because stores and parsers can change it. */
export const digestOf = (value: unknown): string => digestOfText(JSON.stringify(value, sorted) ?? 'null');

/** The same for an object with a long list of texts, which is put in without a look at each. */
export function digestWithTexts(
  value: Readonly<Record<string, unknown>>,
  key: string,
  texts: readonly string[],
): string {
  const parts = Object.entries(value).flatMap(([name, part]) => {
    const json = JSON.stringify(part, sorted);
    return json === undefined || name === key ? [] : [[name, json] as const];
  });
  const all = [...parts, [key, JSON.stringify(texts)] as const].sort(([a], [b]) => (a < b ? -1 : 1));
  return digestOfText(`{${all.map(([name, json]) => `${JSON.stringify(name)}:${json}`).join(',')}}`);
}

function sorted(_key: string, value: unknown): unknown {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}
