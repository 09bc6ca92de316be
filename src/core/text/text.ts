/**
 * Cuts a text to so many UTF-16 units and never splits a surrogate pair, because half a pair is not valid on the wire.
 */
export const beginningOf = (text: string, most: number): string =>
  text.length <= most ? text : text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '');

/** The same for the end of a text. */
export const endOf = (text: string, most: number): string =>
  text.length <= most ? text : text.slice(text.length - most).replace(/^[\uDC00-\uDFFF]/, '');

/** The value with U+FFFD for each half of a surrogate pair, in keys of objects too: JSON parsers of others refuse halves. */
export function wellFormed<Value>(value: Value): Value;
export function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : value.toWellFormed();
  if (Array.isArray(value)) {
    const items = value.map((item) => wellFormed(item));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)] as const);
  const isSame = entries.every(([key, item]) => Object.is((value as Record<string, unknown>)[key], item));
  return isSame ? value : Object.fromEntries(entries);
}

/** The value that the text writes as JSON; undefined if it is no JSON. */
export function jsonOrNothing(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** With ASCII letters in lower case; others stay, as in the stores. */
export const asciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** Without these characters at its end. A pattern such as `/x+$/` would try again at each character of every run. */
export function trimEndOf(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

/** Without these characters at both of its ends. */
export function trimOf(text: string, characters: string): string {
  const rest = trimEndOf(text, characters);
  let start = 0;
  while (start < rest.length && characters.includes(rest.charAt(start))) start += 1;
  return rest.slice(start);
}

/** The text with its lines in one: breaks and the blanks around them become one joint. */
export const inOneLine = (text: string, joint = ' '): string =>
  text
    .split(/[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(joint);

/** A size as people read it: whole MiB, rounded down. */
export const mib = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`;
