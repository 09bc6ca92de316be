import { createHash, type Hash, hash } from 'node:crypto';

/** The SHA-256 of a text, in hexadecimal. */
export const digestOfText = (text: string): string => hash('sha256', text);

/** The SHA-256 of a JSON value. The order of its keys does not count, because stores and parsers can change it. */
export const digestOf = (value: unknown): string => digestOfText(sortedJson(value) ?? 'null');

/** The same for an object with a long list of texts, which is put in without a look at each. */
export function digestWithTexts(
  value: Readonly<Record<string, unknown>>,
  key: string,
  texts: readonly string[],
): string {
  const { before, after } = around(value, key);
  return digestOfText(`${before}${texts.map((text) => JSON.stringify(text)).join(',')}${after}`);
}

/** The object as JSON with sorted keys, before and after the texts of a list that is put in. */
function around(value: Readonly<Record<string, unknown>>, key: string): { before: string; after: string } {
  const parts = Object.entries(value).flatMap(([name, part]) => {
    const json = sortedJson(part);
    return json === undefined || name === key ? [] : [[name, `${JSON.stringify(name)}:${json}`] as const];
  });
  parts.sort(([a], [b]) => (a < b ? -1 : 1));
  const of = (some: typeof parts) => some.map(([, text]) => text);
  const before = [...of(parts.filter(([name]) => name < key)), `${JSON.stringify(key)}:[`].join(',');
  const after = of(parts.filter(([name]) => name > key));
  return { before: `{${before}`, after: `${[']', ...after].join(',')}}` };
}

/**
 * Makes the digests of `digestWithTexts` for a list that grows from one object to the next, and reads only its new end.
 * A list that begins differently is read whole.
 */
export class GrowingDigest<Item extends object> {
  /** Undefined: the item's text can change while the item stays the same. */
  readonly #textOf: (item: Item) => string | undefined;
  #before: string | undefined;
  #read: readonly Item[] = [];
  #hash: Hash = createHash('sha256');

  constructor(textOf: (item: Item) => string | undefined) {
    this.#textOf = textOf;
  }

  /** `changing`: the texts of the items from the first one on whose text can change. */
  of(
    { value, key, items }: { value: Readonly<Record<string, unknown>>; key: string; items: readonly Item[] },
    changing: (item: Item) => string,
  ): string {
    const { before, after } = around(value, key);
    const goesOn = before === this.#before && this.#read.every((item, at) => items[at] === item);
    let read = goesOn ? this.#read.length : 0;
    if (!goesOn) this.#hash = createHash('sha256').update(before);
    const from = read;
    let settled = '';
    for (; read < items.length; read++) {
      const text = this.#textOf(items[read] as Item);
      if (text === undefined) break;
      settled += `${read === 0 ? '' : ','}${JSON.stringify(text)}`;
    }
    if (read > from) this.#hash.update(settled);
    this.#before = before;
    this.#read = items.slice(0, read);
    const rest = items.slice(read).map((item) => JSON.stringify(changing(item)));
    const comma = read > 0 && rest.length > 0 ? ',' : '';
    return this.#hash
      .copy()
      .update(`${comma}${rest.join(',')}${after}`)
      .digest('hex');
  }
}

/**
 * Writes JSON like `JSON.stringify`, but with the keys of objects in order. A replacer would copy and sort each object.
 */
function sortedJson(value: unknown): string | undefined {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const own = 'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value;
  if (own !== value) return sortedJson(own);
  if (Array.isArray(value)) return `[${value.map((item) => sortedJson(item) ?? 'null').join(',')}]`;
  let fields = '';
  for (const key of keysOf(value)) {
    const json = sortedJson((value as Record<string, unknown>)[key]);
    if (json !== undefined) fields += `${fields === '' ? '' : ','}${JSON.stringify(key)}:${json}`;
  }
  return `{${fields}}`;
}

/** Keys that are whole numbers come first and in their own order, as in every object. */
function keysOf(value: object): string[] {
  const keys = Object.keys(value).sort();
  const isNumber = (key: string) => key >= '0' && key < ':';
  return keys.some(isNumber) ? Object.keys(Object.fromEntries(keys.map((key) => [key, 0]))) : keys;
}
