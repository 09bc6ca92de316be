/**
 * Text of a user, a tool or a page inside an answer. Pages show answers as Markdown, often with its HTML: an output that
 * begins with `<h1>` or `#` would be a heading there. Text with any markup is put in code.
 */
export function literal(text: string): string {
  if (/[\r\n]/.test(text)) return fenced(text);
  if (!/[<>&`*#~[\]|\\]/.test(text)) return text;
  const mark = '`'.repeat(longestRun(text, 0) + 1);
  const space = /^`|`$|^ .* $/.test(text) ? ' ' : '';
  return `${mark}${space}${text}${space}${mark}`;
}

/** Lines as they are, in a fence longer than any in them. */
export function fenced(text: string): string {
  const fence = '`'.repeat(longestRun(text, 2) + 1);
  return `${fence}\n${text}${text.endsWith('\n') ? '' : '\n'}${fence}`;
}

const longestRun = (text: string, least: number) =>
  Math.max(least, ...(text.match(/`+/g) ?? []).map((run) => run.length));
