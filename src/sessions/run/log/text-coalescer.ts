import type { Clock } from '../../../core/contracts/clock.ts';

const everyMs = 50;
const maxChars = 4_096;
const maxPieces = 40; // two seconds of text, at one piece per `everyMs`

/** Emits the first piece immediately. */
export class TextCoalescer implements Disposable {
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

export function mergeTextPieces(pieces: readonly string[]): readonly string[] {
  const some = pieces.filter(Boolean);
  if (some.length <= maxPieces) return some;
  const few: string[] = [];
  for (let text = some.join(''); text !== ''; text = text.slice(few.at(-1)?.length)) few.push(pieceOf(text));
  return few;
}

const pieceOf = (text: string): string => takeWholeCharacters(text.slice(0, maxChars), text.length <= maxChars);

function takeWholeCharacters(text: string, isAll: boolean): string {
  return !isAll && /[\uD800-\uDBFF]$/.test(text) ? text.slice(0, -1) : text;
}
