import type { ToolResult } from './tool.ts';

const modelChars = 16_000;
const keptBytes = 64 * 1024;

/** What the model is shown of a result: how a command ended, then the output with its middle left out when it is long. */
export function forModel(result: ToolResult): string {
  const how = result.ok || result.exitCode === undefined ? '' : `[exit code ${result.exitCode}${why(result.reason)}]\n`;
  const { output } = result;
  if (output.length <= modelChars) return how + output;
  const half = modelChars / 2;
  const gap = `\n[… ${output.length - modelChars} characters left out. ${result.rest ?? 'Ask for less at a time.'} …]\n`;
  return (
    how +
    output.slice(0, half).replace(/[\uD800-\uDBFF]$/, '') +
    gap +
    output.slice(-half).replace(/^[\uDC00-\uDFFF]/, '')
  );
}
const why = (reason: string): string => (reason === 'failed' ? '' : `, ${reason.replace('_', ' ')}`);

/** A text whose first and last half of 64 KiB are kept. */
export function bounded(text: string): string {
  if (text.length * 3 <= keptBytes) return text; // a unit of UTF-16 takes at most three bytes
  const output = new BoundedOutput();
  output.add(Buffer.from(text));
  return output.text();
}

/** Collects a stream of bytes in bounded memory: its first and its last 32 KiB. */
export class BoundedOutput {
  #head = Buffer.alloc(0);
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #leftOut = 0;

  add(chunk: Uint8Array): void {
    const half = keptBytes / 2;
    const forHead = Math.min(half - this.#head.length, chunk.length);
    if (forHead > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, forHead)]);
    if (forHead === chunk.length) return;
    this.#tail.push(Buffer.from(chunk.subarray(forHead)));
    this.#tailBytes += chunk.length - forHead;
    if (this.#tailBytes > 4 * half) this.#trim(half); // not at every chunk: joining costs
  }

  text(): string {
    this.#trim(keptBytes / 2);
    const tail = this.#tail[0] ?? Buffer.alloc(0);
    if (this.#leftOut === 0) return Buffer.concat([this.#head, tail]).toString();
    return `${wholeEnd(this.#head)}\n[… ${this.#leftOut} bytes left out …]\n${wholeStart(tail)}`;
  }

  #trim(keep: number): void {
    const all = Buffer.concat(this.#tail);
    const cut = Math.max(0, all.length - keep);
    this.#tail = [all.subarray(cut)];
    this.#tailBytes = all.length - cut;
    this.#leftOut += cut;
  }
}

/** A decoder that is not flushed keeps the beginning of a character to itself. */
const wholeEnd = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
function wholeStart(bytes: Uint8Array): string {
  let from = 0;
  while (from < 3 && ((bytes[from] ?? 0) & 0xc0) === 0x80) from++;
  return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(from));
}
