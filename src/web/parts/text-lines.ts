const newline = 10;
const maxRow = 2_000; // maximum number of bytes drawn per line

/** Decodes lines only when drawn, to save memory. */
export class TextLines {
  readonly #parts: Uint8Array[] = [];
  /** Byte offset of each part. */
  readonly #starts: number[] = [];
  /** Byte offset of each line break. */
  readonly #ends: number[] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** A line break at the end of the text does not start another line. */
  get count(): number {
    const lastStart = (this.#ends.at(-1) ?? -1) + 1;
    return this.#ends.length + (lastStart < this.#bytes ? 1 : 0);
  }

  add(part: Uint8Array): void {
    if (part.length === 0) return;
    for (let at = part.indexOf(newline); at >= 0; at = part.indexOf(newline, at + 1)) this.#ends.push(this.#bytes + at);
    this.#parts.push(part);
    this.#starts.push(this.#bytes);
    this.#bytes += part.length;
  }

  /** `index` counts from 0. */
  line(index: number): string {
    const from = index === 0 ? 0 : (this.#ends[index - 1] ?? 0) + 1;
    const end = this.#ends[index] ?? this.#bytes;
    return new TextDecoder().decode(this.#slice(from, Math.min(end, from + maxRow)));
  }

  #slice(from: number, to: number): Uint8Array {
    const bytes = new Uint8Array(Math.max(0, to - from));
    for (
      let n = Math.max(
        0,
        this.#starts.findLastIndex((start) => start <= from),
      );
      n < this.#parts.length;
      n++
    ) {
      const start = this.#starts[n] ?? 0;
      if (start >= to) break;
      const part = this.#parts[n]?.subarray(Math.max(0, from - start), to - start);
      if (part) bytes.set(part, Math.max(0, start - from));
    }
    return bytes;
  }
}
