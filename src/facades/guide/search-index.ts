import { Marked, type Token } from 'marked';
import { toAnchor } from './render.ts';

export interface SearchIndexEntry {
  readonly page: string;
  readonly title: string;
  readonly heading: string;
  readonly anchor: string;
  readonly text: string;
}
const maxText = 1_500;

export function buildSearchIndex(page: string, markdown: string): SearchIndexEntry[] {
  const entries: { page: string; title: string; heading: string; anchor: string; text: string }[] = [];
  for (const token of new Marked({ gfm: true }).lexer(markdown)) {
    if (token.type === 'heading') {
      const heading = (token.text as string).replaceAll('`', '');
      const title = entries[0]?.title ?? heading;
      entries.push({ page, title, heading, anchor: toAnchor(heading), text: '' });
    } else {
      const entry = entries.at(-1);
      if (entry && entry.text.length < maxText)
        entry.text = `${entry.text} ${plainText(token)}`.trim().slice(0, maxText);
    }
  }
  return entries;
}

function plainText(token: Token): string {
  return token.raw
    .replaceAll(/^[ \t]*(?:[#>|*-]+|\d+\.)[ \t]*|\]\([^)]*\)|[`|[]|\*(?=\S)|(?<=\S)\*|-{3,}|^```\w*$/gm, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim();
}
