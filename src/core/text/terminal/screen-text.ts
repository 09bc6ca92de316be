import { countCharacterCells, joinsCell } from './cells.ts';

const heldLines = 100; // recent rows that the cursor can move back to
const maxLine = 64 * 1024; // characters; longer lines are processed in pieces
// the last column that relative cursor moves can reach, because a character there pads its whole row
const widest = 250;
const esc = '\u001b';
const control = new RegExp(`[\\b\\r\\v\\f\\0\\u0007${esc}]`, 'g');
const sequence = new RegExp(
  `${esc}(?:\\[([0-?]*)[ -/]*([@-~])|[\\]PX^_][^\\u0007${esc}]*(?:\\u0007|${esc}\\\\)|[ -/]*[0-~])`,
  'y',
);
const begunSequence = new RegExp(`${esc}(?:\\[[0-?]*[ -/]*|[\\]PX^_][^\\u0007${esc}]{0,4096}${esc}?|[ -/]*)?$`);

/** Computes the text that remains on a screen after control characters and escape sequences. */
export class ScreenText {
  /** Cells of each row. A wide character leaves its second cell empty. */
  #rows: string[][] = [[]];
  #row = 0;
  #column = 0;
  #begun = '';
  #isRedrawn = false;
  /** Whether an accent or joiner can combine with the last character. */
  #isBehind = false;

  get isRedrawn(): boolean {
    return this.#isRedrawn;
  }

  /** Returns the text that can no longer change. */
  add(text: string): string {
    const all = this.#begun + text;
    const [begun = ''] = begunSequence.exec(all.slice(-4_200)) ?? [];
    const held = begun || (all.endsWith('\r') ? '\r' : '');
    this.#begun = held;
    const whole = all.slice(0, all.length - held.length);
    const done: string[] = [];
    let from = 0;
    while (from < whole.length) {
      const end = whole.indexOf('\n', from);
      this.#line(end < 0 ? whole.slice(from) : whole.slice(from, whole[end - 1] === '\r' ? end - 1 : end));
      if (end < 0) break;
      this.#down();
      this.#column = 0;
      this.#isBehind = false;
      from = end + 1;
      while (this.#rows.length > heldLines) done.push(`${this.#first()}\n`);
    }
    const row = this.#rows[this.#row];
    if (row && row.length > maxLine && this.#column === row.length) {
      while (this.#rows.length > this.#row + 1) this.#rows.pop();
      while (this.#row > 0) done.push(`${this.#first()}\n`);
      done.push(this.#first());
      this.#rows.push([]);
      [this.#row, this.#column] = [0, 0];
    }
    return done.join('');
  }

  end(): string {
    const rest = this.#rows.map((row) => row.join('')).join('\n');
    [this.#rows, this.#row, this.#column, this.#begun] = [[[]], 0, 0, ''];
    return rest;
  }

  #first(): string {
    this.#row--;
    return (this.#rows.shift() ?? []).join('');
  }

  #down(): void {
    this.#row++;
    this.#rows[this.#row] ??= [];
  }

  #line(text: string): void {
    const row = this.#rows[this.#row] ?? [];
    control.lastIndex = 0;
    if (!control.test(text)) {
      this.#write(row, text);
      return;
    }
    let from = 0;
    while (from < text.length) {
      control.lastIndex = from;
      const at = control.exec(text)?.index ?? text.length;
      this.#write(this.#rows[this.#row] ?? [], text.slice(from, at));
      from = at + 1;
      if (at < text.length) this.#isBehind = false;
      if (text[at] === '\r') this.#column = 0;
      if (text[at] === '\b') this.#column = Math.max(0, this.#column - 1);
      if (text[at] !== esc) continue;
      sequence.lastIndex = at;
      const found = sequence.exec(text);
      if (!found) continue;
      from = at + found[0].length;
      this.#move(found[1] ?? '', found[2] ?? '');
    }
  }

  #write(row: string[], text: string): void {
    while (row.length < this.#column) row.push(' ');
    for (const char of text) {
      const before = row[this.#column - 1] === '' ? this.#column - 2 : this.#column - 1;
      const held = (this.#isBehind && row[before]) || '';
      const isNew = !joinsCell(held, char);
      const at = isNew ? this.#column : before;
      const cell = isNew ? char : held + char;
      const cells = countCharacterCells(cell);
      if (at + cells > this.#column) {
        if (this.#column < row.length) this.#isRedrawn = true;
        splitWide(row, this.#column);
        splitWide(row, at + cells);
        if (cells === 2) row[at + 1] = '';
        this.#column = at + cells;
      }
      row[at] = cell;
      this.#isBehind = true;
    }
  }

  #move(value: string, kind: string): void {
    const row = this.#rows[this.#row] ?? [];
    const numbers = value.split(';').map((one) => Math.min(Number(one) || 0, 1_000));
    const [first = 0, second = 0] = numbers;
    const steps = Math.max(1, first);
    if ('ABK'.includes(kind) && (kind !== 'K' || first > 0)) this.#column = Math.min(this.#column, widest);
    const up = (to: number) => {
      this.#row = Math.max(0, to);
      this.#isRedrawn = true;
    };
    if (kind === 'A' || kind === 'F') up(this.#row - steps);
    if (kind === 'B' || kind === 'E') for (let step = 0; step < Math.min(steps, heldLines); step++) this.#down();
    if (kind === 'E' || kind === 'F') this.#column = 0;
    if (kind === 'C') this.#column = Math.max(this.#column, Math.min(this.#column + steps, widest));
    if (kind === 'D') this.#column = Math.max(0, this.#column - steps);
    if (kind === 'G') this.#column = steps - 1;
    if (kind === 'H' || kind === 'f') {
      up(0);
      for (let step = 1; step < Math.min(steps, heldLines); step++) this.#down();
      this.#column = Math.max(1, second) - 1;
    }
    if ('JKP'.includes(kind)) splitWide(row, this.#column);
    if (kind === 'P') splitWide(row, this.#column + steps);
    if (kind === 'K' && first !== 1) row.length = Math.min(row.length, this.#column);
    if (kind === 'K' && first === 1) row.fill(' ', 0, this.#column);
    if (kind === 'K' && first === 2) row.length = 0;
    if (kind === 'P') row.splice(this.#column, steps);
    if (kind !== 'J') return;
    if (first >= 2) {
      this.#rows = this.#rows.slice(0, this.#row + 1).map(() => []);
      this.#column = Math.min(this.#column, widest);
    } else if (first === 0) {
      row.length = Math.min(row.length, this.#column);
      this.#rows.length = this.#row + 1;
    }
  }
}

/** Overwriting one cell of a wide character clears both of its cells. */
function splitWide(row: string[], at: number): void {
  if (row[at] === '') row.fill(' ', at - 1, at + 1);
}

export function renderScreenText(output: string): string {
  const screen = new ScreenText();
  return screen.add(output) + screen.end();
}
