/**
 * Cuts a text to so many UTF-16 units and never splits a surrogate pair, because half a pair is not valid on the wire.
 */
export const beginningOf = (text: string, most: number): string =>
  text.length <= most ? text : text.slice(0, most).replace(/[\uD800-\uDBFF]$/, '');

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
