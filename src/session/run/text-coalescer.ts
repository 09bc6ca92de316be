import type { Clock } from '../../core/clock.ts';

const everyMs = 50; // twenty a second
const maxChars = 4_096;
const mostPieces = 40; // what two seconds of talk come in

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
    const piece = pieceOf(this.#text);
    this.#text = this.#text.slice(piece.length);
    this.#emit(piece);
  }

  [Symbol.dispose](): void {
    this.#clock.clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** A text that is told all at once, in the pieces it came in; where they are many, in as few as there can be. */
export function fewPieces(pieces: readonly string[]): readonly string[] {
  const some = pieces.filter(Boolean);
  if (some.length <= mostPieces) return some;
  const few: string[] = [];
  for (let text = some.join(''); text !== ''; text = text.slice(few.at(-1)?.length)) few.push(pieceOf(text));
  return few;
}

const pieceOf = (text: string): string => wholeCharacters(text.slice(0, maxChars), text.length <= maxChars);

/** Does not cut a character that takes two units in half. */
function wholeCharacters(text: string, isAll: boolean): string {
  return !isAll && /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}
