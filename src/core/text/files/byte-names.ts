import { isUtf8 } from 'node:buffer';
import { quoteForShell } from '../quote.ts';

// Bytes that are not UTF-8 become \xHH, such as \xE9. A backslash before such a sequence becomes \x5C.

const valid =
  /[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]|\xed[\x80-\x9f][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}|\xf4[\x80-\x8f][\x80-\xbf]{2}|[\x80-\xff]/g;

const looksEscaped = /\\(?=x(?:5C|[89A-F][0-9A-F]))/g;

export function decodeFileName(name: Buffer): string {
  if (isUtf8(name)) return name.toString().replace(looksEscaped, '\\x5C');
  return name
    .toString('latin1')
    .replace(looksEscaped, '\\x5C')
    .replace(valid, (found) => {
      if (found.length > 1) return Buffer.from(found, 'latin1').toString();
      return `\\x${found.charCodeAt(0).toString(16).toUpperCase()}`;
    });
}

/** A shell command that encodes file names for `decodeFileNames`. Plain output would lose bytes that are not UTF-8. */
export const encodeFileNamesCommand = 'base64 -w 0';
export const decodeFileNames = (printed: string): string => decodeFileName(Buffer.from(printed, 'base64'));

const escaped = /\\x(5C|[89A-F][0-9A-F])/;
/** Text and hex digits of escaped bytes, alternating. Undefined if nothing is escaped. */
export const splitEscapedFileName = (name: string): readonly string[] | undefined =>
  escaped.test(name) ? name.split(escaped) : undefined;

export const quoteFileNameForShell = (name: string): string =>
  splitEscapedFileName(name)
    ?.map((part, at) => (at % 2 === 1 ? `$'\\x${part}'` : quoteForShell(part)))
    .join('') ?? quoteForShell(name);
