import { beginningOf } from './text.ts';
/**
 * The words of others in a message to an agent. Each line begins with `>`, so that none of them can pass for the words of
 * the person who sends it. A longer text is cut.
 */
export function quoteLines(text: string, maxLength: number): string {
  const cut = text.length > maxLength ? `${beginningOf(text, maxLength)} […]` : text;
  const lines = cut.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/);
  return lines
    .map((line) => `> ${line.replaceAll(/[\p{Cc}\p{Cf}]/gu, (sign) => (sign === '\t' ? sign : ''))}`)
    .join('\n');
}

/** The text on one line, without signs that are not seen; at most 200 characters. */
export const onOneLine = (text: string): string => beginningOf(text.replaceAll(/[\p{C}\s]+/gu, ' ').trim(), 200);

/** Quotes any text as one word of a shell command. */
export const quoteForShell = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
