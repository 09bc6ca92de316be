import { truncateEnd } from './text.ts';
/** Quotes third-party text so that no line can pass for the sender's own words. */
export function quoteLines(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${truncateEnd(text, maxLength)} […]` : text;
  const lines = cut.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/);
  return lines
    .map((line) => `> ${line.replaceAll(/[\p{Cc}\p{Cf}]/gu, (sign) => (sign === '\t' ? sign : ''))}`)
    .join('\n');
}

/** Replaces invisible characters and white space with single spaces, and truncates to 200 characters. */
export const toShortLine = (text: string): string => truncateEnd(text.replaceAll(/[\p{C}\s]+/gu, ' ').trim(), 200);

export const quoteForShell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
