const minRepeated = 16; // characters; fewer can be the same by chance
const maxTail = 2_000;

/**
 * Passes on what continues a text. Models that are asked to go on repeat its last words, or begin again from its start:
 * what the text has already is held back.
 */
export class Continuation {
  readonly #begun: string;
  readonly #pass: (delta: string) => void;
  #held = '';
  /** The places of the text from which the continuation repeats it so far. */
  #places: number[];

  constructor(begun: string, pass: (delta: string) => void) {
    this.#begun = begun;
    this.#pass = pass;
    const last = begun.length - minRepeated;
    const first = Math.max(1, begun.length - maxTail);
    this.#places =
      begun === '' ? [] : [0, ...Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n)];
  }

  add(delta: string): void {
    if (this.#places.length === 0) {
      this.#pass(delta);
      return;
    }
    const from = this.#held.length;
    this.#held += delta;
    this.#places = this.#places.filter((place) => {
      const rest = this.#begun.length - place - from;
      return rest <= 0 || this.#begun.startsWith(delta.slice(0, rest), place + from);
    });
    const [first] = this.#places;
    const repeated = first === undefined ? 0 : this.#begun.length - first;
    if (this.#held.length >= repeated) this.#release(repeated);
  }

  /** A reply that ended within the text's own words has nothing new, unless it is too short to tell. */
  end(): void {
    if (this.#places.length > 0)
      this.#release(this.#places[0] === 0 && this.#held.length >= minRepeated ? this.#held.length : 0);
  }

  #release(repeated: number): void {
    const rest = this.#held.slice(repeated);
    this.#held = '';
    this.#places = [];
    if (rest !== '') this.#pass(rest);
  }
}
