import { truncateEnd } from './text.ts';
/**
 * Quotes third-party text in a message to an agent. Each line starts with `>`, so that no line can pass for the sender's own
 * words. Text beyond `maxLength` characters is cut.
 */
export function quoteLines(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${truncateEnd(text, maxLength)} […]` : text;
  const lines = cut.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/);
  return lines
    .map((line) => `> ${line.replaceAll(/[\p{Cc}\p{Cf}]/gu, (sign) => (sign === '\t' ? sign : ''))}`)
    .join('\n');
}

/** The text on one line, without invisible characters; at most 200 characters. */
export const toShortLine = (text: string): string => truncateEnd(text.replaceAll(/[\p{C}\s]+/gu, ' ').trim(), 200);

/** Quotes any text as one word of a shell command. */
export const quoteForShell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
