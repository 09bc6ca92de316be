import { trimEndCharacters, truncateEnd } from '../../core/text/text.ts';
import type { PageTreeElement, PageTreeNode } from './page-types.ts';

export function clipMarkdown(text: string, maxChars: number, cut = false): string {
  if (text.length <= maxChars && !cut) return text;
  const kept = truncateEnd(text, maxChars);
  const rest = cut ? 'The page continues' : `The page continues for ${text.length - kept.length} more characters`;
  return `${kept}\n[… ${rest}; scroll, or look with browser_console_exec.]`;
}

export const toMarkdown = (tree: readonly PageTreeNode[]): string =>
  blocks(tree, '')
    .split('\n')
    .map((line) => trimEndCharacters(line, ' \t'))
    .join('\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();

const isBlock = (node: PageTreeNode): node is PageTreeElement =>
  typeof node !== 'string' && /^(div|p|h[1-6]|ul|ol|li|table|tr|pre|blockquote|hr)$/.test(node.tag);

function blocks(nodes: readonly PageTreeNode[], indent: string): string {
  let out = '';
  let line: PageTreeNode[] = [];
  const flush = () => {
    const text = inline(line).trim();
    if (text !== '') out += `${text}\n`;
    line = [];
  };
  for (const node of nodes) {
    if (!isBlock(node)) {
      line.push(node);
      continue;
    }
    flush();
    out += block(node, indent);
  }
  flush();
  return out;
}

function block({ tag, inner: children }: PageTreeElement, indent: string): string {
  switch (tag) {
    case 'div':
      return blocks(children, indent);
    case 'ul':
    case 'ol':
      return `\n${items(children, tag, indent)}\n`;
    case 'table':
      return `\n${table(children)}\n`;
    case 'pre':
      return `\n\`\`\`\n${plain(children).replaceAll('```', '`\u200b``').replace(/^\n+/, '').trimEnd()}\n\`\`\`\n\n`;
    case 'blockquote':
      return `\n${blocks(children, indent).trim().replace(/^/gm, '> ')}\n\n`;
    case 'hr':
      return '\n---\n';
    case 'p':
      return `\n${blocks(children, indent)}\n`;
    case 'li':
    case 'tr':
      return blocks(children, indent);
    default: {
      const text = inline(children).trim();
      return text === '' ? '' : `\n${'#'.repeat(Number(tag[1]))} ${text}\n\n`;
    }
  }
}

function items(children: readonly PageTreeNode[], kind: 'ul' | 'ol', indent: string): string {
  const own = children.filter((child) => typeof child !== 'string');
  return own
    .map((child, n) => {
      const mark = kind === 'ol' ? `${n + 1}. ` : '- ';
      const inner = ' '.repeat(mark.length);
      const body = (child.tag === 'li' ? blocks(child.inner, indent + inner) : blocks([child], indent + inner))
        .trim()
        .replace(/\n+/g, `\n${inner}`);
      return body === '' ? '' : `${mark}${body}\n`;
    })
    .join('');
}

function table(children: readonly PageTreeNode[]): string {
  const rows: string[][] = [];
  const collect = (node: PageTreeNode): void => {
    if (typeof node === 'string') return;
    if (node.tag !== 'tr') {
      for (const one of node.inner) collect(one);
      return;
    }
    const cells = node.inner.filter((cell) => typeof cell !== 'string' && (cell.tag === 'td' || cell.tag === 'th'));
    rows.push(cells.map((cell) => plain([cell], true).replace(/\s+/g, ' ').trim().replaceAll('|', '\\|')));
  };
  for (const child of children) collect(child);
  const width = Math.max(0, ...rows.map((row) => row.length));
  if (width === 0) return blocks(children, '');
  if (width === 1)
    return `${rows
      .map(([cell]) => cell ?? '')
      .filter(Boolean)
      .join('\n\n')}\n`; // a table for layout, not for data
  const line = (cells: readonly string[]) =>
    `| ${Array.from({ length: width }, (_, n) => cells[n] ?? '').join(' | ')} |`;
  const [head = [], ...rest] = rows;
  return `${[line(head), line(Array.from({ length: width }, () => '---')), ...rest.map(line)].join('\n')}\n`;
}

function inline(nodes: readonly PageTreeNode[]): string {
  return nodes
    .map((node): string => {
      if (typeof node === 'string') return node.replace(/\s+/g, ' ');
      const { tag, to = '', inner: children } = node;
      const text = inline(children);
      const bare = text.trim();
      if (tag === 'br') return '\n';
      if (tag === 'img') return bare === '' ? '' : `![${bare}]${to === '' ? '' : `(${to})`}`;
      if (bare === '') return text;
      if (tag === 'a') return /^https?:/i.test(to) ? `[${bare}](${to.slice(0, 300)})` : bare;
      if (tag === 'b' || tag === 'strong') return around(text, '**');
      if (tag === 'i' || tag === 'em') return around(text, '*');
      return tag === 'code' ? around(text, '`') : ` ${text} `;
    })
    .join('')
    .replace(/[ \t]+/g, ' ');
}

function around(text: string, mark: string): string {
  const bare = text.trim();
  const at = text.indexOf(bare);
  return `${text.slice(0, at)}${mark}${bare}${mark}${text.slice(at + bare.length)}`;
}

const plain = (nodes: readonly PageTreeNode[], links = false): string =>
  nodes
    .map((node): string => {
      if (typeof node === 'string') return node;
      const { tag, to = '', inner: children } = node;
      if (tag === 'br') return '\n';
      const text = plain(children, links);
      return links && tag === 'a' && /^https?:/i.test(to) && text.trim() !== ''
        ? `[${text.trim()}](${truncateEnd(to, 300)})`
        : text;
    })
    .join('');
