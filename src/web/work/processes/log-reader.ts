import { type Signal, signal } from '@preact/signals';

const pieceBytes = 256 * 1024;
const wholeBytes = 8 * 1024 * 1024;
const newline = 10;

/** Reads at most `length` bytes. `size` is the size of the whole log. */
export type LogRangeReader = (
  from: number,
  length: number,
) => Promise<{ readonly bytes: Uint8Array; readonly size: number }>;

export class ProcessLogReader {
  readonly lines: Signal<readonly string[]> = signal([]);
  /** Byte offset of the first displayed line. 0 if there are no earlier lines. */
  readonly start = signal(0);
  readonly #read: LogRangeReader;
  readonly #decoder = new TextDecoder();
  #whole: string[] = [];
  #rest = '';
  #end = -1;
  #last: Promise<unknown> = Promise.resolve();

  constructor(read: LogRangeReader) {
    this.#read = read;
  }

  more(): Promise<void> {
    return this.#alone(() => this.#more());
  }

  earlier(): Promise<void> {
    return this.#alone(() => this.#earlier());
  }

  all(): Promise<void> {
    return this.#alone(async () => {
      while (this.start.value > 0) await this.#earlier(wholeBytes);
    });
  }

  /** Two concurrent reads would add the same lines twice. */
  #alone(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  async #more(): Promise<void> {
    if (this.#end < 0) await this.#begin();
    for (;;) {
      const { bytes } = await this.#read(this.#end, pieceBytes);
      if (bytes.length === 0) return;
      this.#append(bytes);
    }
  }

  async #earlier(most = pieceBytes): Promise<void> {
    const from = Math.max(0, this.start.value - most);
    const { bytes } = await this.#read(from, this.start.value - from);
    const skipped = from === 0 ? 0 : beginning(bytes);
    const lines = new TextDecoder().decode(bytes.subarray(skipped)).split('\n');
    if (lines.at(-1) === '') lines.pop();
    this.#whole = [...lines, ...this.#whole];
    this.start.value = from + skipped;
    this.#show();
  }

  async #begin(): Promise<void> {
    const { size } = await this.#read(0, 1);
    const from = Math.max(0, size - pieceBytes);
    const { bytes } = await this.#read(from, pieceBytes);
    const skipped = from === 0 ? 0 : beginning(bytes);
    this.start.value = from + skipped;
    this.#end = from + skipped;
    this.#append(bytes.subarray(skipped));
  }

  #append(bytes: Uint8Array): void {
    this.#end += bytes.length;
    const lines = (this.#rest + this.#decoder.decode(bytes, { stream: true })).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#whole = [...this.#whole, ...lines];
    this.#show();
  }

  #show(): void {
    this.lines.value = this.#rest === '' ? this.#whole : [...this.#whole, this.#rest];
  }
}

/** Offset of the first whole line, or 0 to show a piece of a longer line. */
function beginning(part: Uint8Array): number {
  const next = part.indexOf(newline) + 1;
  return next === part.length ? 0 : next;
}
