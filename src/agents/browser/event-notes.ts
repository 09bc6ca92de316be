import { truncateEnd } from '../../core/text/text.ts';

const maxNotes = 20;
const maxChars = 400;

export class BrowserEventNotes {
  #notes: string[] = [];
  #lost = 0;

  add(note: string): void {
    if (this.#notes.length < maxNotes) this.#notes.push(clipText(note, maxChars));
    else this.#lost += 1;
  }

  take(): string[] {
    const notes = this.#lost > 0 ? [...this.#notes, `… and ${this.#lost} more like these.`] : this.#notes;
    this.#notes = [];
    this.#lost = 0;
    return notes;
  }
}

export function clipText(text: string, chars: number): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= chars ? line : `${truncateEnd(line, chars - 1)}…`;
}
