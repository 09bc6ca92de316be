/** `most` counts UTF-16 code units. Splits a grapheme only if it is longer than `most` or 64 units. */
export function truncateEnd(text: string, most: number): string {
  if (text.length <= most) return text;
  const [start] = findCharacterBounds(text, most);
  return text.slice(0, start > 0 ? start : most).replace(/[\uD800-\uDBFF]$/, '');
}

export function truncateStart(text: string, most: number): string {
  if (text.length <= most) return text;
  const at = text.length - most;
  const [, end] = findCharacterBounds(text, at);
  return text.slice(end < text.length ? end : at).replace(/^[\uDC00-\uDFFF]/, '');
}

const longest = 64;
let graphemes: Intl.Segmenter | undefined;
/** The bounds of the grapheme that a cut would split; both are `at` if there is none. */
export function findCharacterBounds(text: string, at: number): [start: number, end: number] {
  if (text.startsWith('\r\n', at - 1)) return [at - 1, at + 1];
  if (Math.max(text.charCodeAt(at - 1), text.charCodeAt(at)) < 0x300) return [at, at];
  let from = Math.max(0, at - longest);
  if (/[\uDC00-\uDFFF]/.test(text.charAt(from))) from -= 1;
  // regional indicators form flags in pairs, from the start of a run
  while (from > 1 && /^\p{RI}/u.test(text.slice(from, from + 2))) from -= 2;
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  const found = graphemes.segment(text.slice(from, at + longest)).containing(at - from);
  const start = from + (found?.index ?? 0);
  const end = start + (found?.segment.length ?? 0);
  return start === at || end - start > longest ? [at, at] : [start, end];
}

/** Also handles object keys. Other JSON parsers reject lone surrogates. */
export function replaceLoneSurrogates<Value>(value: Value): Value;
export function replaceLoneSurrogates(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : value.toWellFormed();
  if (Array.isArray(value)) {
    const items = value.map((item) => replaceLoneSurrogates(item));
    return items.some((item, at) => item !== value[at]) ? items : value;
  }
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const entries = Object.entries(value).map(
    ([key, item]) => [key.toWellFormed(), replaceLoneSurrogates(item)] as const,
  );
  const isSame = entries.every(([key, item]) => Object.is((value as Record<string, unknown>)[key], item));
  return isSame ? value : Object.fromEntries(entries);
}

export function tryParseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Converts only ASCII letters, as the stores' message search does. */
export const toAsciiLower = (text: string): string => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** A pattern such as `/x+$/` would rescan every run of the characters. */
export function trimEndCharacters(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end -= 1;
  return text.slice(0, end);
}

export function trimCharacters(text: string, characters: string): string {
  const rest = trimEndCharacters(text, characters);
  let start = 0;
  while (start < rest.length && characters.includes(rest.charAt(start))) start += 1;
  return rest.slice(start);
}

export const joinLines = (text: string, joint = ' '): string =>
  text
    .split(/[\r\n]/)
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .join(joint);

/** The first line outside code blocks. Of code blocks alone: the file that the first one names, or its first line. */
export function findTitleLine(text: string): string {
  let isCode = false;
  let code = '';
  for (const line of text.split('\n').map((one) => one.trim())) {
    const isFence = line.startsWith('```');
    if (!isCode && !isFence && line !== '') return line;
    code ||= isFence ? (/^```file:([^`\s]+)$/.exec(line)?.[1] ?? '') : line;
    if (isFence) isCode = !isCode;
  }
  return code;
}

/** Whole MiB, rounded down. */
export const formatMiB = (bytes: number): string => `${Math.floor(bytes / 2 ** 20)} MiB`;

/** Node accepts control characters in received reason phrases, but refuses to send them. */
export const isValidReasonPhrase = (text: string): boolean => /^[\t\x20-\x7e\x80-\xff]*$/.test(text);
