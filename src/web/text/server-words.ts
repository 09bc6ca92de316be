import type { ErrorCode } from '../../core/errors/errors.ts';

export interface ServerTranslations {
  readonly errors: Readonly<Record<ErrorCode, string>>;
  /** Template that quotes the server's text, `{words}`, after a translated sentence or on its own. */
  readonly quoted: string;
  /** Keyed by the server's text, with `{name}` for a value, `{list}` for comma-separated phrases and `{why}` for one phrase. */
  readonly phrases: Readonly<Record<string, string>>;
}

interface Pattern {
  readonly pieces: readonly string[];
  readonly names: readonly string[];
  readonly phrase: string;
}

/** Text missing from the table is returned unchanged. */
export class ServerTranslator {
  readonly #words: ServerTranslations;
  readonly #patterns: readonly Pattern[];

  constructor(words: ServerTranslations) {
    this.#words = words;
    this.#patterns = Object.entries(words.phrases)
      .filter(([text]) => text.includes('{'))
      .map(([text, phrase]) => parsePattern(text, phrase));
  }

  error(code: ErrorCode, message: string): string {
    // A newer server may send codes that this page does not know.
    const sentence = Object.hasOwn(this.#words.errors, code) ? this.#words.errors[code] : undefined;
    if (sentence === undefined) return message;
    if (silent.has(code)) return sentence;
    const phrase = this.phrase(message);
    if (phrase !== message) return phrase;
    return `${sentence} ${this.#words.quoted.replace('{words}', () => phrase)}`;
  }

  /** Returns the translation if the table has one, and otherwise quotes the server's text. */
  failure(text: string): string {
    const message = this.phrase(text);
    return message === text ? this.#words.quoted.replace('{words}', () => text) : message;
  }

  phrase(text: string): string {
    if (Object.hasOwn(this.#words.phrases, text) || text.length > maxPhrase) return this.#simple(text);
    for (const { pieces, names, phrase } of this.#patterns) {
      const values = valuesIn(text, pieces);
      if (!values) continue;
      return phrase.replace(/\{(\w+)\}/g, (_, name: string) => {
        const value = values[names.indexOf(name)] ?? '';
        if (name === 'why') return this.phrase(value);
        return name === 'list' ? value.split(', ').map(this.#simple).join(', ') : value;
      });
    }
    return text;
  }

  readonly #simple = (text: string): string =>
    (Object.hasOwn(this.#words.phrases, text) ? this.#words.phrases[text] : undefined) ?? text;
}

/** Codes whose sentence makes the server's text redundant. */
const silent: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'internal',
  'cancelled',
  'shutting_down',
  'session_not_found',
]);
const maxPhrase = 2_000; // characters

function parsePattern(text: string, phrase: string): Pattern {
  const parts = text.split(/\{(\w+)\}/);
  return {
    pieces: parts.filter((_, at) => at % 2 === 0),
    names: parts.filter((_, at) => at % 2 === 1),
    phrase,
  };
}

/** Each value is as short as possible. Undefined: no match. */
function valuesIn(text: string, [first = '', ...rest]: readonly string[]): readonly string[] | undefined {
  const last = rest.pop() ?? '';
  if (!text.startsWith(first) || !text.endsWith(last)) return undefined;
  const values: string[] = [];
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found === -1) return undefined;
    values.push(text.slice(at, found));
    at = found + piece.length;
  }
  const end = text.length - last.length;
  return at > end ? undefined : [...values, text.slice(at, end)];
}
