import { truncateEnd } from './text.ts';

/** Keeps the first `maxChars` characters, or the last ones with `truncateStart`. */
export function createBoundedTextDecoder(maxChars: number, keep = truncateEnd) {
  const decoder = new TextDecoder();
  let text = '';
  return {
    add: (bytes: Uint8Array): void => {
      text = keep(text + decoder.decode(bytes, { stream: true }), maxChars);
    },
    text: (): string => text.trim(),
  };
}

/** Excludes an incomplete last character. Invalid UTF-8 is treated as complete. */
export function countCompleteUtf8Bytes(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0;
    if ((byte & 0xc0) === 0x80) continue;
    const needed = byte >= 0xf8 || byte < 0xc0 ? 1 : byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
    return needed > back ? bytes.length - back : bytes.length;
  }
  return bytes.length;
}

/** The number of leading bytes that continue a character begun before `bytes`. */
export function countOrphanBytes(bytes: Uint8Array): number {
  let count = 0;
  while (count < 3 && ((bytes[count] ?? 0) & 0xc0) === 0x80) count += 1;
  return count;
}

/** Splits bytes at character boundaries, for readers that decode each piece separately. */
export class Utf8Chunker {
  #held = Buffer.alloc(0);
  readonly #most: number;

  /** `most`: the maximum number of bytes per piece, which must be at least 4. */
  constructor(most: number) {
    this.#most = most;
  }

  *add(chunk: Uint8Array): Generator<Buffer> {
    let rest = Buffer.concat([this.#held, chunk]);
    while (rest.length > 0) {
      const piece = rest.subarray(0, countCompleteUtf8Bytes(rest.subarray(0, this.#most)));
      if (piece.length === 0) break;
      yield piece;
      rest = rest.subarray(piece.length);
    }
    this.#held = Buffer.from(rest);
  }

  end(): Buffer {
    return this.#held;
  }
}
