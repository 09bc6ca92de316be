import { detectLineEnding } from './file-text.ts';

const maxQuoted = 40; // lines

export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** Lines of a file that a comment is about, counted from 1. */
export interface CommentedLines {
  readonly path: string;
  readonly text: string;
  readonly lines: LineRange;
}

export function formatCommentMessage({ path, text, lines: { from, to } }: CommentedLines, comment: string): string {
  const quoted = text.split(detectLineEnding(text)).slice(from - 1, Math.min(to, from - 1 + maxQuoted));
  const longest = Math.max(2, ...quoted.map((line) => /^\s*(`+)/.exec(line)?.[1]?.length ?? 0));
  const fence = '`'.repeat(longest + 1);
  const place = from === to ? `line ${from}` : `lines ${from} to ${to}`;
  return `About ${path}, ${place}:\n\n${fence}\n${quoted.join('\n')}\n${fence}\n\n${comment.trim()}`;
}
