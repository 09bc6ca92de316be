import { applyPatch, structuredPatch } from 'diff';

const mark = '\ufeff';

/** `text` keeps its line endings but lacks its byte-order mark. `isExact`: a save preserves unedited bytes. */
export function decodeEditableText(bytes: Uint8Array) {
  const decode = (fatal: boolean) => new TextDecoder('utf-8', { fatal, ignoreBOM: true }).decode(bytes);
  const withMark = (text: string) => (text.startsWith(mark) ? { text: text.slice(1), mark } : { text, mark: '' });
  try {
    return { ...withMark(decode(true)), isExact: true };
  } catch {
    return { ...withMark(decode(false)), isExact: false };
  }
}

/** Returns the line ending that all texts share. Otherwise returns \n, so that each \r stays in its line. */
export function detectLineEnding(...texts: readonly string[]): '\n' | '\r' | '\r\n' {
  const all = texts.filter((text) => /[\r\n]/.test(text));
  if (all.length === 0) return '\n';
  if (all.every((text) => !text.includes('\n'))) return '\r';
  return all.every((text) => !/(?:^|[^\r])\n|\r(?!\n)/.test(text)) ? '\r\n' : '\n';
}

/**
 * Applies to `current` the change from `after` to `edited`. Undefined if `current` differs from `after` near the
 * change, or if lines end with \r alone.
 */
export function mergeEdit(current: string, { after, edited }: { readonly after: string; readonly edited: string }) {
  if (current === after) return edited;
  const merged = applyPatch(current, structuredPatch('', '', after, edited), { autoConvertLineEndings: false });
  return merged === false ? undefined : merged;
}

/** Reverting to truncated text would write the truncation notice into the file. */
export const isTruncatedText = (text: string): boolean =>
  /\n\[(?:… \d+ bytes left out …|\d+ characters more are not shown)\](?:\n|$)/.test(text);

const maxQuoted = 40; // lines

export interface LineRange {
  readonly from: number;
  readonly to: number;
}

interface Quote {
  readonly path: string;
  readonly text: string;
  readonly lines: LineRange;
}

/** Lines are counted from 1. */
export function formatCommentMessage({ path, text, lines: { from, to } }: Quote, comment: string): string {
  const quoted = text.split(detectLineEnding(text)).slice(from - 1, Math.min(to, from - 1 + maxQuoted));
  const longest = Math.max(2, ...quoted.map((line) => /^\s*(`+)/.exec(line)?.[1]?.length ?? 0));
  const fence = '`'.repeat(longest + 1);
  return `${path}:${from === to ? from : `${from}-${to}`}\n\n${fence}\n${quoted.join('\n')}\n${fence}\n\n${comment.trim()}`;
}
