import { hash } from 'node:crypto';

export const digestText = (text: string): string => hash('sha256', text);

/** Independent of key order, which stores and parsers can change. */
export const digestJson = (value: unknown): string => digestText(sortedJson(value) ?? 'null');

/** Like `JSON.stringify` with sorted keys. Copies no objects, unlike a replacer function. */
function sortedJson(value: unknown): string | undefined {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const own = 'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value;
  if (own !== value) return sortedJson(own);
  if (Array.isArray(value)) return `[${value.map((item) => sortedJson(item) ?? 'null').join(',')}]`;
  let fields = '';
  for (const key of sortKeys(value)) {
    const json = sortedJson((value as Record<string, unknown>)[key]);
    if (json !== undefined) fields += `${fields === '' ? '' : ','}${JSON.stringify(key)}:${json}`;
  }
  return `{${fields}}`;
}

/** Integer keys come first, in numeric order, as in every JavaScript object. */
function sortKeys(value: object): string[] {
  const keys = Object.keys(value).sort();
  const isNumber = (key: string) => key >= '0' && key < ':';
  return keys.some(isNumber) ? Object.keys(Object.fromEntries(keys.map((key) => [key, 0]))) : keys;
}
