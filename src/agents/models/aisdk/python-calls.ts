export interface TextToolCall {
  readonly name: string;
  readonly args: unknown;
}

const maxDepth = 64;

/** Parses `[read(file="a"), list()]`, or one call per line. Returns no calls if there is other text. */
export function parsePythonCalls(text: string): TextToolCall[] {
  const reader = new Reader(text);
  try {
    return reader.calls();
  } catch (error) {
    if (error instanceof NotPython) return [];
    throw error;
  }
}

class NotPython extends Error {}

class Reader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  calls(): TextToolCall[] {
    const isList = this.#take(/\[/y) !== undefined;
    const found: TextToolCall[] = [];
    while (this.#at < this.#text.length && !(isList && this.#take(/\]/y))) {
      found.push(this.#call());
      this.#take(/[,;]/y);
    }
    this.#space();
    if (this.#at < this.#text.length) throw new NotPython();
    return found;
  }

  #call(): TextToolCall {
    const name = this.#need(/[A-Za-z_][\w.-]{0,127}/y);
    this.#need(/\(/y);
    if (name === 'print') {
      const inner = this.#call();
      this.#need(/\)/y);
      return inner;
    }
    const args: [string, unknown][] = [];
    while (!this.#take(/\)/y)) {
      const key = this.#need(/[A-Za-z_]\w{0,127}/y);
      this.#need(/=/y);
      args.push([key, this.#value(0)]);
      this.#take(/,/y);
    }
    return { name: name.replace(/^default_api\./, ''), args: Object.fromEntries(args) };
  }

  #value(depth: number): unknown {
    if (depth > maxDepth) throw new NotPython();
    if (this.#take(/[[(]/y)) {
      const list: unknown[] = [];
      while (!this.#take(/[\])]/y)) {
        list.push(this.#value(depth + 1));
        this.#take(/,/y);
      }
      return list;
    }
    if (this.#take(/\{/y)) {
      const entries: [string, unknown][] = [];
      while (!this.#take(/\}/y)) {
        const key = String(this.#value(depth + 1));
        this.#need(/:/y);
        entries.push([key, this.#value(depth + 1)]);
        this.#take(/,/y);
      }
      return Object.fromEntries(entries);
    }
    const word = this.#take(/(?:True|true|False|false|None|null)\b/y);
    if (word) return /^t/i.test(word) ? true : /^f/i.test(word) ? false : null;
    const number = this.#take(/[-+]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][-+]?\d{1,4})?/y);
    return number === undefined ? this.#string() : Number(number);
  }

  #string(): string {
    const raw = this.#take(/[rR](?=["'])/y) !== undefined;
    const quote = this.#need(/"""|'''|"|'/y);
    let out = '';
    for (;;) {
      const from = this.#at;
      while (this.#at < this.#text.length && this.#text[this.#at] !== '\\' && !this.#text.startsWith(quote, this.#at))
        this.#at++;
      out += this.#text.slice(from, this.#at);
      if (this.#at >= this.#text.length) throw new NotPython();
      if (this.#text[this.#at] !== '\\') break;
      const mark = this.#text.slice(this.#at, this.#at + 10);
      const code = /^\\(?:x([\da-fA-F]{2})|u([\da-fA-F]{4})|U([\da-fA-F]{8}))/.exec(mark);
      const point = Number.parseInt(code?.[1] ?? code?.[2] ?? code?.[3] ?? '', 16);
      const length = code && point <= 0x10ffff ? code[0].length : 2;
      if (raw) out += mark.slice(0, 2);
      else if (code && length > 2) out += String.fromCodePoint(point);
      else out += escapes.get(mark[1] ?? '') ?? mark.slice(0, 2);
      this.#at += raw ? 2 : length;
    }
    this.#at += quote.length;
    return out;
  }

  #space(): void {
    while (' \t\r\n'.includes(this.#text[this.#at] ?? 'x')) this.#at++;
  }

  #take(pattern: RegExp): string | undefined {
    this.#space();
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    this.#at += found?.length ?? 0;
    return found;
  }

  #need(pattern: RegExp): string {
    const found = this.#take(pattern);
    if (found === undefined) throw new NotPython();
    return found;
  }
}

const escapes = new Map([
  ['n', '\n'],
  ['t', '\t'],
  ['r', '\r'],
  ['\\', '\\'],
  ["'", "'"],
  ['"', '"'],
  ['\n', ''],
  ['0', '\0'],
]);
