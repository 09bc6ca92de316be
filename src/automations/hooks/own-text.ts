import { toAsciiLower } from '../../core/text/text.ts';

// Reads comments as forges display them, but line by line, so that long untrusted text cannot make a regular expression
// slow.

const begins = /^\s*(#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s|`{3}|~{3}|>|<)/;

/** Leaves out quoted lines, code, and parts that forges do not display. */
export function extractAuthoredText(comment: string): string {
  const text = [...hidden].reduce((kept, [open, close]) => without(kept, open, close), comment);
  const own: string[] = [];
  let fence: string | undefined;
  let isQuote = false; // whether the previous line is a quote, which an unmarked line continues
  let isList = false;
  let isCode = true; // whether an indented line here is code, because no paragraph precedes it
  let isBetween = false; // whether the line is in a GitLab block quote, between two `>>>` lines
  const lines = text.split(/\r\n|\n|\r/);
  const last = lines.findLastIndex((line) => line.trimEnd() === '>>>');
  for (const [at, line] of lines.entries()) {
    if (fence === undefined && line.trimEnd() === '>>>') {
      isBetween = !isBetween && at < last;
      continue;
    }
    if (isBetween) continue;
    const isBlank = line.trim() === '';
    const [, mark] = /^\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)?(`{3,}|~{3,})/.exec(line) ?? [];
    if (fence !== undefined) {
      if (mark?.startsWith(fence) && line.trim() === mark) fence = undefined;
    } else if (
      mark !== undefined &&
      !(mark.startsWith('`') && line.slice(line.indexOf(mark) + mark.length).includes('`'))
    ) {
      fence = mark;
      isQuote = false;
    } else if (/^\s*(?:(?:[-*+]|\d{1,9}[.)])\s+)?>/.test(line)) {
      isQuote = line.replaceAll(/[\s>]/g, '') !== '';
    } else if (isBlank) {
      isQuote = false;
      own.push('');
    } else if ((isQuote && !begins.test(line)) || (isCode && !isList && /^( {4}|\t)/.test(line))) continue;
    else {
      isQuote = false;
      isList = /^\s*([-*+]|\d{1,9}[.)])\s/.test(line) || (isList && /^\s/.test(line));
      own.push(line);
    }
    isCode = isBlank || (isCode && /^( {4}|\t)/.test(line));
  }
  return own
    .join('\n')
    .split(/\n{2,}/)
    .map(withoutCode)
    .join('\n\n');
}

const hidden = new Map([
  ['<!--', '-->'],
  ['<pre', '</pre>'],
  ['<code', '</code>'],
  ['<blockquote', '</blockquote>'],
]);

function without(text: string, open: string, close: string): string {
  const lower = toAsciiLower(text); // same length as `text`
  let kept = '';
  for (let at = 0; ; ) {
    const start = lower.indexOf(open, at);
    if (start < 0) return kept + text.slice(at);
    const end = lower.indexOf(close, start);
    kept += `${text.slice(at, start)} `;
    if (end < 0) return kept;
    at = end + close.length;
  }
}

function withoutCode(paragraph: string): string {
  const runs = [...paragraph.matchAll(/`+/g)].map(({ 0: { length }, index }) => ({ length, at: index }));
  const last = new Map(runs.map(({ length }, n) => [length, n]));
  let kept = '';
  let at = 0;
  for (let n = 0; n < runs.length; n++) {
    const open = runs[n];
    if (open === undefined || (last.get(open.length) ?? 0) <= n || paragraph[open.at - 1] === '\\') continue;
    let end = n + 1;
    while (runs[end]?.length !== open.length) end++;
    const close = runs[end];
    if (close === undefined) break;
    kept += `${paragraph.slice(at, open.at)} `;
    at = close.at + close.length;
    n = end;
  }
  return kept + paragraph.slice(at);
}
