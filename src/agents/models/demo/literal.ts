/**
 * Text from a user, a tool or a page inside an answer. Pages show answers as Markdown, often with HTML: output that
 * begins with `<h1>` or `#` would become a heading. Text with any markup is put in code.
 */
export function literal(text: string): string {
  if (/[\r\n]/.test(text)) return fenced(text);
  if (!/[<>&`*#~[\]|\\]/.test(text)) return text;
  const mark = '`'.repeat(longestRun(text, 0) + 1);
  const space = /^`|`$|^ .* $/.test(text) ? ' ' : '';
  return `${mark}${space}${text}${space}${mark}`;
}

/** The lines unchanged, in a fence that is longer than any inside them. */
export function fenced(text: string): string {
  const fence = '`'.repeat(longestRun(text, 2) + 1);
  return `${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}

const longestRun = (text: string, least: number) =>
  Math.max(least, ...(text.match(/`+/g) ?? []).map((run) => run.length));
