import { styleText } from 'node:util';
import { Marked, type Token, type Tokens } from 'marked';
import { countLineCells, padLineToCells } from '../../core/text/terminal/cells.ts';
import { toPrintable } from '../io.ts';

export type TextStyle = Parameters<typeof styleText>[0];
export type Painter = (style: TextStyle, text: string) => string;

export const paintAnsi: Painter = (style, text) => styleText(style, text, { validateStream: false });
export const paintPlain: Painter = (_style, text) => text;

const marked = new Marked({ gfm: true });

export function formatMarkdown(markdown: string, paint: Painter): string {
  return blocks(marked.lexer(toPrintable(markdown)), paint).trimEnd();
}

const blocks = (tokens: readonly Token[], paint: Painter): string =>
  tokens
    .map((token) => block(token, paint))
    .filter((text) => text !== '')
    .join('\n\n');

function block(token: Token, paint: Painter): string {
  switch (token.type) {
    case 'heading':
      return paint(['bold', 'underline'], inline(token.tokens ?? [], paint));
    case 'paragraph':
      return inline(token.tokens ?? [], paint);
    case 'text':
      return token.tokens ? inline(token.tokens, paint) : entities(token.text as string);
    case 'code':
      return indented(paint('cyan', token.text as string), '  ');
    case 'blockquote':
      return indented(paint('dim', blocks(token.tokens ?? [], paint)), '│ ');
    case 'list':
      return list(token as Tokens.List, paint);
    case 'table':
      return table(token as Tokens.Table, paint);
    case 'hr':
      return paint('dim', '─'.repeat(40));
    case 'def':
      return footnotes(token.raw.startsWith('[^') ? token.raw.trim() : '');
    case 'space':
    case 'checkbox':
      return '';
    default:
      return token.raw.trim();
  }
}

function list({ items, ordered, start }: Tokens.List, paint: Painter): string {
  return items
    .map((item, at) => {
      const box = item.task ? (item.checked ? '☑ ' : '☐ ') : '';
      const mark = `${ordered ? `${Number(start || 1) + at}.` : '•'} ${box}`;
      const text = item.tokens.map((token) => block(token, paint)).filter(Boolean);
      return mark + text.join('\n').replaceAll('\n', `\n${' '.repeat(mark.length)}`);
    })
    .join('\n');
}

function table({ align, header, rows }: Tokens.Table, paint: Painter): string {
  const cells = [header, ...rows].map((row) => row.map(({ tokens }) => inline(tokens, paintPlain)));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => countLineCells(row[column] ?? ''))));
  const pad = (cell: string, column: number) => {
    const width = widths[column] ?? 0;
    return align[column] === 'right' ? ' '.repeat(width - countLineCells(cell)) + cell : padLineToCells(cell, width);
  };
  const lines = cells.map((row) => row.map(pad).join(' │ '));
  const [head = '', ...rest] = lines;
  return [paint('bold', head), widths.map((width) => '─'.repeat(width)).join('─┼─'), ...rest].join('\n');
}

function inline(tokens: readonly Token[], paint: Painter): string {
  return tokens
    .map((token) => {
      const inner = () => inline(('tokens' in token && token.tokens) || [], paint);
      switch (token.type) {
        case 'strong':
          return paint('bold', inner());
        case 'em':
          return paint('italic', inner());
        case 'del':
          return paint('strikethrough', inner());
        case 'codespan':
          return paint('cyan', token.text as string);
        case 'link': {
          if (token.raw.startsWith('[^')) return footnotes(token.raw);
          const text = inner();
          const { href } = token as Tokens.Link;
          return text === href ? paint('underline', href) : `${paint('underline', text)} ${paint('dim', `(${href})`)}`;
        }
        case 'br':
          return '\n';
        case 'text':
          return token.tokens ? inner() : footnotes(entities(token.text as string));
        case 'escape':
          return token.text as string;
        default:
          return token.raw;
      }
    })
    .join('');
}

const footnotes = (text: string) => text.replaceAll(/\[\^([^\]\s]+)\]/g, '[$1]');
const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'" };
const entities = (text: string) => text.replaceAll(/&(amp|lt|gt|quot|#39);/g, (_, name: string) => named[name] ?? '');

const indented = (text: string, by: string) => by + text.replaceAll('\n', `\n${by}`);
