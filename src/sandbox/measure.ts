export interface JsonLimits {
  readonly maxDepth: number;
  /** Of values, names of fields not counted. */
  readonly maxValues: number;
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const opening = new Set([0x5b, 0x7b]); // [ {
const closing = new Set([0x5d, 0x7d]); // ] }

/**
 * Counts what a parser would build, without building it: a megabyte of `[` takes `JSON.parse` seconds and gigabytes.
 * Returns what is wrong, or undefined. Text that is no JSON passes; the parser refuses that at once.
 */
export function tooComplex(bytes: Uint8Array, { maxDepth, maxValues }: JsonLimits): string | undefined {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte === quote) {
      at = endOfText(bytes, at + 1);
    } else if (byte === comma) {
      if (++values > maxValues) return `more than ${maxValues} values`;
    } else if (opening.has(byte)) {
      if (++depth > maxDepth) return `deeper than ${maxDepth}`;
      if (++values > maxValues) return `more than ${maxValues} values`;
    } else if (closing.has(byte)) depth--;
  }
  return undefined;
}

/** Where the closing quote is; texts are most of a large answer, so they are passed at the speed of `indexOf`. */
function endOfText(bytes: Uint8Array, from: number): number {
  for (let end = bytes.indexOf(quote, from); end >= 0; end = bytes.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (end - escapes - 1 >= from && bytes[end - escapes - 1] === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return bytes.length;
}
