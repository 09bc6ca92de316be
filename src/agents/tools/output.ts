import { countOrphanBytes } from '../../core/text/arriving-text.ts';
import { truncateEnd, truncateStart } from '../../core/text/text.ts';
import type { ToolResult } from './tool.ts';

export const maxModelTextChars = 16_000;
const keptBytes = 64 * 1024;
/** Text up to this length is never cut: a UTF-16 unit takes at most three UTF-8 bytes. */
export const maxUntruncatedChars: number = Math.floor(keptBytes / 3);

/** Puts a failed command's exit code first and cuts the middle of long output. */
export function toModelText(result: ToolResult): string {
  const how = result.ok || result.exitCode === undefined ? '' : `[exit code ${result.exitCode}${why(result.reason)}]\n`;
  const { output } = result;
  if (output.length <= maxModelTextChars) return how + output;
  const half = maxModelTextChars / 2;
  const gap = `\n[… ${output.length - maxModelTextChars} characters left out. ${result.rest ?? 'Ask for less at a time.'} …]\n`;
  return how + truncateEnd(output, half) + gap + truncateStart(output, half);
}
const why = (reason: string): string => (reason === 'failed' ? '' : `, ${reason.replace('_', ' ')}`);

export function truncateOutput(text: string): string {
  if (text.length <= maxUntruncatedChars) return text;
  const output = new BoundedOutput();
  output.add(Buffer.from(text));
  return output.text();
}

const half = keptBytes / 2;
const encoder = new TextEncoder();
const scratch = Buffer.allocUnsafe(keptBytes); // safe to share between instances, because `add` copies the bytes

export class BoundedOutput {
  static readonly tailBytes = half;

  #head = Buffer.alloc(0);
  /** A ring buffer. `#end` is the next write position. */
  #tail = Buffer.alloc(0);
  #end = 0;
  #afterHead = 0;

  add(chunk: Uint8Array): void {
    const forHead = Math.min(half - this.#head.length, chunk.length);
    if (forHead > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, forHead)]);
    if (forHead === chunk.length) return;
    if (this.#tail.length === 0) this.#tail = Buffer.allocUnsafe(half);
    const rest = chunk.subarray(forHead);
    this.#afterHead += rest.length;
    const newest = rest.subarray(-half);
    const room = half - this.#end;
    this.#tail.set(newest.subarray(0, room), this.#end);
    this.#tail.set(newest.subarray(room), 0);
    this.#end = (this.#end + newest.length) % half;
  }

  /** Skips unneeded bytes in the middle; at least `tailBytes` must follow them. */
  skip(bytes: number): void {
    this.#afterHead += bytes;
  }

  addText(text: string): void {
    for (let at = 0; at < text.length; ) {
      const { read, written } = encoder.encodeInto(text.slice(at), scratch);
      this.add(scratch.subarray(0, written));
      at += read;
    }
  }

  text(): string {
    if (this.#afterHead <= half) {
      return Buffer.concat([this.#head, this.#tail.subarray(0, this.#afterHead)]).toString();
    }
    const tail = Buffer.concat([this.#tail.subarray(this.#end), this.#tail.subarray(0, this.#end)]);
    return `${wholeEnd(this.#head)}\n[… ${this.#afterHead - half} bytes left out …]\n${wholeStart(tail)}`;
  }
}

/** Drops an incomplete character at the end. */
const wholeEnd = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes, { stream: true });
const wholeStart = (bytes: Uint8Array): string =>
  new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(countOrphanBytes(bytes)));
