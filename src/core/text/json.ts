export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
  /** Field names are not counted. */
  readonly maxValues: number;
}
export type ParsedJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: 'too_large' | 'too_complex' | 'not_json'; readonly detail: string };

/** Checks the limits first, because `JSON.parse` can take gigabytes for a few megabytes of `[`. */
export function parseJson(input: Uint8Array | string, limits: JsonLimits): ParsedJson {
  const { maxBytes } = limits;
  const tooLarge = { ok: false, reason: 'too_large', detail: `more than ${maxBytes} bytes` } as const;
  if (input.length > maxBytes) return tooLarge; // the string has at least as many bytes as UTF-16 code units
  const bytes = typeof input === 'string' ? Buffer.from(input) : bufferOver(input);
  if (bytes.length > maxBytes) return tooLarge;
  const complaint = findExceededJsonLimit(bytes, limits);
  if (complaint !== undefined) return { ok: false, reason: 'too_complex', detail: complaint };
  try {
    const text = typeof input === 'string' ? input : bytes.toString();
    return { ok: true, value: JSON.parse(text.startsWith(byteOrderMark) ? text.slice(1) : text) };
  } catch {
    return { ok: false, reason: 'not_json', detail: `${bytes.length} bytes that are not JSON` };
  }
}

const byteOrderMark = '\ufeff'; // added by some Windows programs

/** Shares memory with the input; `Buffer.from(bytes)` would copy large responses. */
const bufferOver = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

export function parseJsonWithinLimits(text: string, limits: JsonLimits): unknown {
  const json = parseJson(text, limits);
  return json.ok ? json.value : undefined;
}

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const opening = new Set([0x5b, 0x7b]); // [ {
const closing = new Set([0x5d, 0x7d]); // ] }

/** Invalid JSON can pass; the parser rejects it. */
export function findExceededJsonLimit(
  bytes: Uint8Array,
  { maxDepth, maxValues }: Pick<JsonLimits, 'maxDepth' | 'maxValues'>,
): string | undefined {
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

/** Uses `indexOf`, because large responses consist mostly of strings. */
function endOfText(bytes: Uint8Array, from: number): number {
  for (let end = bytes.indexOf(quote, from); end >= 0; end = bytes.indexOf(quote, end + 1)) {
    let escapes = 0;
    while (end - escapes - 1 >= from && bytes[end - escapes - 1] === backslash) escapes++;
    if (escapes % 2 === 0) return end;
  }
  return bytes.length;
}
