const span = 2_400; // characters that have to be one text over and over
const maxPeriod = 400;
const everyChars = 512;

/** Notices a reply that repeats itself without end. */
export class RepetitionDetector {
  #tail = '';
  #unchecked = 0;

  /** Whether the reply repeats itself by now. */
  add(delta: string): boolean {
    this.#tail = (this.#tail + delta).slice(-span);
    this.#unchecked += delta.length;
    if (this.#unchecked < everyChars || this.#tail.length < span) return false;
    this.#unchecked = 0;
    return periodOf(this.#tail) <= maxPeriod && /\p{L}/u.test(this.#tail) && /\s/.test(this.#tail); // words, not a ruler
  }
}

/** The length of the shortest text whose repetition is the whole text. */
function periodOf(text: string): number {
  const borders = new Uint32Array(text.length);
  for (let at = 1, length = 0; at < text.length; at++) {
    while (length > 0 && text[at] !== text[length]) length = borders[length - 1] ?? 0;
    if (text[at] === text[length]) length++;
    borders[at] = length;
  }
  return text.length - (borders.at(-1) ?? 0);
}
