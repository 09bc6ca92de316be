const maxBlank = 1_000; // maximum number of white-space characters before a reply's first word
const openers = ['<think>', '<thinking>', '<thought>', '<reasoning>', '<|thinking|>', '[THINK]', '◁think▷'];
const closers = ['</think>', '</thinking>', '</thought>', '</reasoning>', '<|/thinking|>', '[/THINK]', '◁/think▷'];

/** An opening tag counts only before the reply's text. */
export class ThinkTagParser {
  #held = '';
  #state: 'before' | 'inside' | 'after' = 'before';
  #hasThought = false;

  push(delta: string): { readonly text: string; readonly thought: string } {
    this.#held += delta;
    let text = '';
    let thought = '';
    for (;;) {
      if (this.#state === 'before') {
        const trimmed = this.#held.trimStart();
        const opener = openers.find((one) => trimmed.startsWith(one));
        if (opener) {
          this.#held = trimmed.slice(opener.length);
          this.#state = 'inside';
          this.#hasThought = true;
          continue;
        }
        const canOpen = trimmed === '' || openers.some((one) => one.startsWith(trimmed));
        if (canOpen && this.#held.length < maxBlank) return { text, thought };
        this.#state = 'after';
      }
      if (this.#state === 'after' && !this.#hasThought) {
        text += this.#held; // an end tag without an opening tag may be anywhere, so `splitThoughts` handles it
        this.#held = '';
        return { text, thought };
      }
      const marks = this.#state === 'inside' ? closers : closers.slice(0, 2);
      const found = marks
        .map((mark) => ({ mark, at: this.#held.indexOf(mark) }))
        .filter(({ at }) => at >= 0)
        .sort((a, b) => a.at - b.at)[0];
      const possible = found ? 0 : beginningAtEnd(this.#held, marks);
      const before = this.#held.slice(0, found ? found.at : this.#held.length - possible);
      if (this.#state === 'inside') thought += before;
      else text += before;
      this.#held = this.#held.slice(found ? found.at + found.mark.length : before.length);
      if (!found) return { text, thought };
      if (this.#state === 'inside') {
        this.#held = this.#held.trimStart();
        this.#state = 'before';
      }
    }
  }

  end(): { readonly text: string; readonly thought: string } {
    const held = this.#held;
    this.#held = '';
    return this.#state === 'inside' ? { text: '', thought: held } : { text: held, thought: '' };
  }
}

function beginningAtEnd(text: string, marks: readonly string[]): number {
  for (let length = Math.min(15, text.length); length > 0; length--)
    if (marks.some((mark) => mark.startsWith(text.slice(-length)))) return length;
  return 0;
}
