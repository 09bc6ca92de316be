const maxNames = 10_000;

/** Signals by name, for streams that end with a credential. A name that nobody ends is forgotten after 10,000 newer ones. */
export class Endings {
  readonly #controllers = new Map<string, AbortController>();

  of(name: string): AbortSignal {
    const known = this.#controllers.get(name) ?? new AbortController();
    this.#controllers.delete(name);
    this.#controllers.set(name, known);
    const [oldest] = this.#controllers.keys();
    if (this.#controllers.size > maxNames && oldest !== undefined) this.#controllers.delete(oldest);
    return known.signal;
  }

  end(name: string): void {
    this.#controllers.get(name)?.abort();
    this.#controllers.delete(name);
  }
}
