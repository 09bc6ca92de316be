import type { Clock } from '../core/clock.ts';

const everyMs = 50; // twenty a second
const maxChars = 4_096;

/** Text that comes in crumbs leaves in pieces: the first at once, then at most one every 50 ms, 4096 characters each. */
export class Coalescer implements Disposable {
  readonly #clock: Clock;
  readonly #emit: (text: string) => void;
  #text = '';
  #timer: unknown;

  constructor(clock: Clock, emit: (text: string) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  add(text: string): void {
    this.#text += text;
    if (this.#timer === undefined) this.#tick();
  }

  /** Everything that is left, now. */
  flush(): void {
    while (this.#text !== '') this.#piece();
  }

  #tick(): void {
    this.#timer = undefined;
    if (this.#text === '') return;
    this.#piece();
    this.#timer = this.#clock.setTimeout(() => this.#tick(), everyMs);
  }

  #piece(): void {
    const piece = wholeCharacters(this.#text.slice(0, maxChars), this.#text.length <= maxChars);
    this.#text = this.#text.slice(piece.length);
    this.#emit(piece);
  }

  [Symbol.dispose](): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** Does not cut a character that takes two units in half. */
function wholeCharacters(text: string, isAll: boolean): string {
  return !isAll && /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}
