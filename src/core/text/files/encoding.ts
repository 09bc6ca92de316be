import { isUtf8 } from 'node:buffer';
import { analyse } from 'chardet';

export interface TextFile {
  readonly text: string;
  readonly encoding: string;
  /**
   * Undefined if a character cannot be encoded, or if the encoding is a guess and the text adds new non-ASCII
   * characters.
   */
  encode(text: string): Buffer | undefined;
}

const sampleBytes = 64 * 1024;
/** The minimum sum of the confidences for the whole sample and for its non-English words, in percent. */
const leastConfidence = 25;
/** In percent. A multi-byte guess with this confidence is treated as certain. */
const sureConfidence = 90;
const fallback = 'windows-1252';

export function decodeTextFile(bytes: Buffer): TextFile | undefined {
  if (bytes.includes(0) || isMarked(bytes)) return wide(bytes) ?? withZeros(bytes);
  if (!isUtf8(bytes)) return withForeignBytes(bytes) ?? legacy(bytes);
  const text = bytes.toString();
  const isIso2022 = text.length === bytes.length && iso2022.some((sequence) => text.includes(sequence));
  if (!isIso2022) return { text, encoding: 'UTF-8', encode: (changed) => Buffer.from(changed) };
  // Non-ASCII characters need escape sequences, so changes that contain them are refused.
  const encode = (changed: string) => (/[^\0-\x7f]/.test(changed) ? undefined : Buffer.from(changed));
  return { text, encoding: 'ISO-2022', encode };
}
const iso2022 = ['@', 'A', 'B', '(', ')', '*'].map((kind) => `\u001b$${kind}`);

export const detectUnreadableEncoding = (bytes: Buffer): string | undefined => {
  const mark = bytes.subarray(0, 4).toString('hex');
  return { fffe0000: 'UTF-32LE', '0000feff': 'UTF-32BE' }[mark];
};

const newline = 10;
const isMarked = (bytes: Buffer) => /^(fffe|feff)/.test(bytes.subarray(0, 2).toString('hex')) && bytes.length % 2 === 0;
function wide(bytes: Buffer): TextFile | undefined {
  if (bytes.length % 2 === 1 || detectUnreadableEncoding(bytes)) return undefined;
  const zeros = [0, 0];
  for (let at = bytes.indexOf(0); at >= 0; at = bytes.indexOf(0, at + 1)) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  const hasMark = isMarked(bytes);
  // In UTF-16, about half of the bytes of ASCII text are zero.
  if (!hasMark && ((even && odd) || (isUtf8(bytes) && (even + odd) * 8 < bytes.length))) return undefined;
  const isBig = hasMark ? bytes[0] === 0xfe : !odd;
  const swapped = (of: Buffer) => (isBig ? Buffer.from(of).swap16() : of);
  const text = swapped(bytes).toString('utf16le');
  const isOdd = hasMark ? text.includes('\0') : /[^\P{Cc}\s]|\p{Cn}/u.test(text);
  if (!text.isWellFormed() || isOdd) return undefined;
  return {
    text,
    encoding: isBig ? 'UTF-16BE' : 'UTF-16LE',
    encode: (changed) => swapped(Buffer.from(changed, 'utf16le')),
  };
}

const shownZero = '␀';
/** NUL-separated records, as from `find -print0`. Longer runs of NULs indicate archives or programs. */
function withZeros(bytes: Buffer): TextFile | undefined {
  if (bytes.includes('\0\0\0') || !isUtf8(bytes)) return undefined;
  const text = bytes.toString();
  const shown = text.replaceAll('\0', shownZero);
  if (text.includes(shownZero) || /[^\P{Cc}\s]/u.test(shown)) return undefined;
  return {
    text: shown,
    encoding: `UTF-8 with zeros, shown as ${shownZero}`,
    encode: (changed) => Buffer.from(changed.replaceAll(shownZero, '\0')),
  };
}

const valid =
  '[\\xc2-\\xdf][\\x80-\\xbf]|\\xe0[\\xa0-\\xbf][\\x80-\\xbf]|\\xed[\\x80-\\x9f][\\x80-\\xbf]|[\\xe1-\\xec\\xee\\xef][\\x80-\\xbf]{2}' +
  '|\\xf0[\\x90-\\xbf][\\x80-\\xbf]{2}|[\\xf1-\\xf3][\\x80-\\xbf]{3}|\\xf4[\\x80-\\x8f][\\x80-\\xbf]{2}';
const piece = new RegExp(`${valid}|[\\x80-\\xff]`, 'g');
const isLone = /^[\udc80-\udcff]$/;

/** Each invalid byte becomes a lone surrogate, U+DC00 plus the byte, and is written back unchanged. */
function withForeignBytes(bytes: Buffer): TextFile | undefined {
  if (!isMostlyUtf8(bytes)) return undefined;
  const text = bytes.toString('latin1').replace(piece, (found) => {
    return found.length === 1
      ? String.fromCharCode(0xdc00 + found.charCodeAt(0))
      : Buffer.from(found, 'latin1').toString();
  });
  const encode = (changed: string) => {
    const latin1 = changed.replace(/[^\0-\x7f]/gu, (char) =>
      isLone.test(char) ? String.fromCharCode(char.charCodeAt(0) - 0xdc00) : Buffer.from(char).toString('latin1'),
    );
    return Buffer.from(latin1, 'latin1');
  };
  return { text, encoding: 'UTF-8 with bytes of another encoding', encode };
}

function isMostlyUtf8(bytes: Buffer): boolean {
  let known = 0;
  let foreign = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number;
    if (byte < 0x80) continue;
    const end = at + (byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : 1);
    let next = at;
    while (next < end && byte >= 0xc2 && byte <= 0xf4 && ((bytes[next + 1] as number) & 0xc0) === 0x80) next++;
    if (next === end) {
      known++;
      at = end;
    } else foreign++;
  }
  return known > foreign;
}

function legacy(bytes: Buffer): TextFile | undefined {
  for (const { name, isSure } of [...declared(bytes), ...guessed(bytes), { name: fallback, isSure: false }]) {
    const table = tableOf(name);
    const text = textBy(name, bytes);
    if (!table || text === undefined || !encodeBy(table, text)?.equals(bytes)) continue;
    // New non-ASCII characters are refused unless the encoding is certain.
    const known = new Set(text);
    const encode = (changed: string) => {
      for (const char of changed) if (char > '\x7f' && !isSure && !known.has(char)) return undefined;
      return encodeBy(table, changed);
    };
    return { text, encoding: name, encode };
  }
  return undefined;
}

interface Guess {
  readonly name: string;
  readonly isSure: boolean;
}

/** Encoding declarations for editors, Python, Ruby, Vim, gettext, XML, HTML and CSS. */
const declaration =
  /(?:coding|charset)[ \t]?[:= ][ \t]?([a-z][\w.:-]{1,39})|(?:<(?:\?xml|meta)[^<>]{1,200}(?:encoding|charset)=|@charset )["']([a-z][\w.:-]{1,39})/gi;
const codePages: Readonly<Record<string, string>> = {
  cp932: 'shift_jis',
  cp936: 'gbk',
  cp949: 'euc-kr',
  cp950: 'big5',
};
function declared(bytes: Buffer): Guess[] {
  return [...bytes.toString('latin1', 0, 2_000).matchAll(declaration)].flatMap(([, plain, quoted = '']) => {
    const label = plain ?? quoted;
    const name = encodingOf(codePages[label.toLowerCase()] ?? label);
    return name === undefined || name === 'x-user-defined' ? [] : [{ name, isSure: true }];
  });
}

function guessed(bytes: Buffer): Guess[] {
  const first = bytes.findIndex((byte) => byte > 0x7f);
  const sample = bytes.subarray(Math.max(0, first - 1_000)).subarray(0, sampleBytes);
  // English text makes a few non-English words look like windows-1252, so those words are also analysed on their own.
  const words = sample.toString('latin1').match(/[A-Za-z\x80-\xff]+/g) ?? [];
  const foreign = words.filter((word) => /[\x80-\xff]/.test(word)).join(' ');
  const whole = analyse(sample);
  const sums = new Map<string, number>();
  for (const { name, confidence } of [...whole, ...analyse(Buffer.from(foreign, 'latin1'))])
    sums.set(name, (sums.get(name) ?? 0) + confidence);
  return [...sums]
    .filter(([name, sum]) => sum >= leastConfidence && !/^(ASCII|UTF)/.test(name))
    .sort(([, a], [, b]) => b - a)
    .map(([name]) => ({
      name: name === 'ISO-8859-1' ? fallback : name,
      // A guess is reliable only for a multi-byte encoding.
      isSure: isMultiByte(name) && whole.some((guess) => guess.name === name && guess.confidence >= sureConfidence),
    }));
}
const isMultiByte = (encoding: string) => /^(shift|big5|gb|euc)/i.test(encoding);

function encodingOf(label: string): string | undefined {
  try {
    return new TextDecoder(label).encoding;
  } catch {
    return undefined;
  }
}

/** Undefined if the bytes are not valid UTF-8 or contain a NUL. */
export function decodeUtf8Text(bytes: Uint8Array): string | undefined {
  const text = textBy('utf-8', bytes);
  return text?.includes('\0') ? undefined : text;
}

function textBy(encoding: string, bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return undefined; // invalid bytes, or an encoding that this Node build does not support
  }
}

const tables = new Map<string, ReadonlyMap<string, string> | undefined>();
/** Maps each character to its first byte sequence, as Latin-1. */
function tableOf(encoding: string): ReadonlyMap<string, string> | undefined {
  if (!tables.has(encoding)) tables.set(encoding, makeTable(encoding));
  return tables.get(encoding);
}
function makeTable(encoding: string): Map<string, string> | undefined {
  if (textBy(encoding, new Uint8Array()) === undefined) return undefined;
  const decoder = new TextDecoder(encoding);
  const table = new Map<string, string>();
  const add = (codes: readonly Uint8Array[]) => {
    const lines = decoder.decode(Buffer.concat(codes.map((code) => Buffer.from([...code, newline])))).split('\n');
    for (const [index, code] of codes.entries()) {
      const char = lines[index] ?? '';
      if (char !== '\ufffd' && [...char].length === 1 && !table.has(char))
        table.set(char, Buffer.from(code).toString('latin1'));
    }
  };
  const high = Array.from({ length: 128 }, (_, n) => n + 128);
  add(high.map((byte) => Uint8Array.of(byte)));
  if (!isMultiByte(encoding)) return table;
  for (const lead of high) {
    add(Array.from({ length: 0xff - 0x30 }, (_, n) => Uint8Array.of(lead, n + 0x30)));
  }
  return table;
}

function encodeBy(table: ReadonlyMap<string, string>, text: string): Buffer | undefined {
  const encoded = Buffer.allocUnsafe(text.length * 2);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.codePointAt(at) as number;
    if (code < 0x80) {
      encoded[length++] = code;
      continue;
    }
    const bytes = table.get(String.fromCodePoint(code));
    if (bytes === undefined) return undefined;
    length += encoded.write(bytes, length, 'latin1');
    if (code > 0xffff) at++;
  }
  return encoded.subarray(0, length);
}
