// Removes terminal queries from replayed output, because the replies would become shell input.

const cap = 64 * 1024;
const esc = 0x1b;
const [ground, escaped, control, string] = [0, 1, 2, 3];

interface Sequence {
  readonly from: number;
  readonly to: number;
}
interface ScannedText {
  readonly sequences: readonly Sequence[];
  /** The requested position, moved forward past any split character or escape sequence. */
  readonly whole: number;
}

export class TerminalReplay {
  #chunks: Uint8Array[] = [];
  #length = 0;
  rows = 24;

  push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    // Joins rarely, because joining copies and parses everything.
    if (this.#length > 2 * cap || this.#chunks.length > 512) this.#joined();
  }

  #joined(): Buffer {
    const all = Buffer.concat(this.#chunks);
    const bytes = all.length > cap ? Buffer.from(all.subarray(scan(all, all.length - cap).whole)) : all;
    this.#chunks = [bytes];
    this.#length = bytes.length;
    return bytes;
  }

  last(): Buffer {
    const bytes = this.#joined();
    const { whole, sequences } = scan(bytes, beginningOfScreen(bytes, this.rows));
    const kept: Buffer[] = [];
    let at = whole;
    for (const { from, to } of sequences) {
      if (from < whole || !asks(bytes.toString('latin1', from, to))) continue;
      kept.push(bytes.subarray(at, from));
      at = to;
    }
    return Buffer.concat([...kept, bytes.subarray(at)]);
  }
}

const fullScreen = '\x1b[?1049h';
const leaving = '\x1b[?1049l';
const cleared = ['\x1b[2J', '\x1bc'];

function beginningOfScreen(bytes: Buffer, rows: number): number {
  const entered = bytes.lastIndexOf(fullScreen);
  if (entered > bytes.lastIndexOf(leaving)) return entered;
  let at = bytes.length;
  for (let lines = 0; lines < rows && at > 0; lines++) at = bytes.lastIndexOf(0x0a, at - 1);
  return Math.max(at + 1, 0, ...cleared.map((text) => bytes.lastIndexOf(text)));
}

const reports = /^\[(?:[?>=]?[\d;]*[cn]|[\d;]*x|\??[\d;]*\$p|>[\d;]*q|(?:1[1345689]|2[01])(?:;[\d;]*)?t)$/;

function asks(sequence: string): boolean {
  const text = sequence.slice(1);
  if (text.startsWith(']')) return text.slice(0, text.endsWith('\\') ? -2 : -1).endsWith('?');
  return text.startsWith('P') || text === 'Z' || reports.test(text);
}

function scan(bytes: Buffer, target: number): ScannedText {
  const sequences: Sequence[] = [];
  let state = ground;
  let from = 0;
  let whole = target <= 0 ? 0 : -1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (state === ground && whole < 0 && at >= target && (byte & 0xc0) !== 0x80) whole = at;
    if (state === ground || byte === esc) {
      const ends = state === string && byte === esc && bytes[at + 1] === 0x5c; // ESC \ ends a string
      if (ends) at++;
      if (ends) sequences.push({ from, to: at + 1 });
      if (!ends && byte === esc) from = at;
      state = !ends && byte === esc ? escaped : ground;
    } else if (state === escaped) {
      if (byte === 0x5b) state = control;
      else if ([0x5d, 0x50, 0x58, 0x5e, 0x5f].includes(byte)) state = string;
      else if (byte >= 0x30) {
        sequences.push({ from, to: at + 1 });
        state = ground;
      }
    } else if ((state === control && byte >= 0x40 && byte <= 0x7e) || (state === string && byte === 0x07)) {
      sequences.push({ from, to: at + 1 });
      state = ground;
    }
  }
  return { sequences, whole: whole < 0 ? bytes.length : whole };
}
