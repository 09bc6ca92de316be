import { Hooks, Lexer, type Token, type Tokens, type TokensList } from 'marked';
import { CjkTokenizer, maskCjkPunctuation } from './cjk-syntax.ts';
import { createMathSyntax, mayHaveFormulas } from './math-syntax.ts';

// Hostile Markdown could overflow the stack or freeze the page. Text beyond a limit stays plain.

const maxText = 200_000; // characters
const maxInline = 8_000; // characters of one paragraph or cell, because emphasis takes quadratic time
const maxBlock = 8_000; // characters of one block, which a browser lays out together
const maxDepth = 24;
const maxNodes = 5_000;
const maxMs = 1_500;

export type MarkdownNode =
  | string
  | { readonly kind: 'break' | 'rule' }
  | { readonly kind: 'paragraph' | 'quote' | 'strong' | 'em' | 'del'; readonly inner: MarkdownTree }
  | { readonly kind: 'plain' | 'note'; readonly text: string }
  | { readonly kind: 'heading'; readonly depth: number; readonly inner: MarkdownTree }
  | { readonly kind: 'code'; readonly code: string; readonly language: string }
  | { readonly kind: 'codespan'; readonly code: string }
  | { readonly kind: 'formula'; readonly tex: string; readonly isBlock: boolean }
  | { readonly kind: 'list'; readonly start: number | undefined; readonly items: readonly MarkdownItem[] }
  | { readonly kind: 'table'; readonly head: readonly MarkdownCell[]; readonly rows: readonly MarkdownCell[][] }
  | { readonly kind: 'checkbox'; readonly isChecked: boolean }
  | { readonly kind: 'link'; readonly href: string; readonly inner: MarkdownTree }
  | { readonly kind: 'image'; readonly href: string; readonly label: string };
export type MarkdownTree = readonly MarkdownNode[];
interface MarkdownItem {
  readonly isTask: boolean;
  readonly inner: MarkdownTree;
}
export interface MarkdownCell {
  readonly align: 'left' | 'center' | 'right' | null;
  readonly inner: MarkdownTree;
}

/** `now`: clock for the time limit, in ms. */
export function parseMarkdown(text: string, now: () => number = () => performance.now()): MarkdownTree {
  const limits = { nodes: maxNodes, until: now() + maxMs, now };
  const tokens = new BoundedLexer(limits, text).lex(text.slice(0, maxText));
  return new Reader(limits).blocks(tokens);
}

interface Limits {
  nodes: number;
  readonly until: number;
  readonly now: () => number;
}

/** `[^1]` is a footnote only if a line starts with `[^1]:`. */
class NoteTokenizer extends CjkTokenizer {
  readonly #notes: ReadonlySet<string>;

  constructor(text: string) {
    super();
    this.#notes = new Set(text.match(/^ {0,3}\[\^[\w.-]{1,40}\](?=:)/gm)?.map((sign) => sign.trim()));
  }

  override def(src: string): Tokens.Def | undefined {
    return /^ {0,3}\[\^/.test(src) ? undefined : super.def(src);
  }

  override reflink(...[src, links]: Parameters<CjkTokenizer['reflink']>): ReturnType<CjkTokenizer['reflink']> {
    const sign = /^\[\^[\w.-]{1,40}\]/.exec(src)?.[0];
    if (sign === undefined || !this.#notes.has(sign)) return super.reflink(src, links);
    return { type: 'note', raw: sign, text: sign.slice(2, -1) } as unknown as Tokens.Text;
  }
}

class BoundedLexer extends Lexer {
  readonly #limits: Limits;
  #depth = 0;

  constructor(limits: Limits, text: string) {
    const cjk = { tokenizer: new NoteTokenizer(text), hooks: new Hooks() };
    cjk.hooks.emStrongMask = maskCjkPunctuation;
    super({ gfm: true, breaks: true, ...cjk, ...(mayHaveFormulas(text) && { extensions: createMathSyntax() }) });
    this.#limits = limits;
  }

  override blockTokens(src: string, tokens = [] as unknown as TokensList, isCut?: boolean): TokensList {
    return this.#within(src, tokens, () => super.blockTokens(src, tokens, isCut) as TokensList);
  }

  override inlineTokens(src: string, tokens: Token[] = []): Token[] {
    if (src.length > maxInline) return withUnread(src, tokens);
    return this.#within(src, tokens, () => super.inlineTokens(src, tokens));
  }

  #within<List extends Token[]>(src: string, tokens: List, read: () => List): List {
    if (this.#depth >= maxDepth || this.#limits.now() > this.#limits.until) return withUnread(src, tokens);
    this.#depth++;
    try {
      return read();
    } finally {
      this.#depth--;
    }
  }
}

function withUnread<List extends Token[]>(src: string, tokens: List): List {
  tokens.push({ type: 'unread', raw: src, text: src });
  return tokens;
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  nbsp: '\u00a0',
};
const decoded = (text: string): string =>
  text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (_whole, name: string) => entities[name] ?? '');

class Reader {
  readonly #limits: Limits;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  blocks(tokens: readonly Token[]): MarkdownTree {
    return this.#each(tokens.flatMap(inSmallBlocks), (token) => this.#block(token));
  }

  #inline(tokens: readonly Token[] = []): MarkdownTree {
    return this.#each(tokens, (token) => this.#span(token));
  }

  /** Beyond the limit, all remaining tokens become a single text node. */
  #each(tokens: readonly Token[], read: (token: Token) => readonly MarkdownNode[]): MarkdownTree {
    const nodes: MarkdownNode[] = [];
    for (const [at, token] of tokens.entries()) {
      if (this.#limits.nodes-- > 0) nodes.push(...read(token));
      else return [...nodes, sourceOf(tokens.slice(at))];
    }
    return nodes;
  }

  #block(token: Token): readonly MarkdownNode[] {
    switch (token.type) {
      case 'space':
      case 'def':
        return [];
      case 'heading':
        return [{ kind: 'heading', depth: token.depth, inner: this.#inline(token.tokens) }];
      case 'code': {
        const { text: code, lang = '' } = token as Tokens.Code;
        const language = lang.split(/\s/)[0] ?? '';
        return [language === 'math' ? { kind: 'formula', tex: code, isBlock: true } : { kind: 'code', code, language }];
      }
      case 'formulas':
        return [{ kind: 'formula', tex: token.text, isBlock: true }];
      case 'blockquote':
        return [{ kind: 'quote', inner: this.blocks(token.tokens ?? []) }];
      case 'list':
        return [this.#list(token as Tokens.List)];
      case 'table':
        return [this.#table(token as Tokens.Table)];
      case 'hr':
        return [{ kind: 'rule' }];
      case 'html':
        return [{ kind: 'paragraph', inner: this.#lines(token.text.trimEnd()) }];
      case 'unread':
        return [{ kind: 'plain', text: token.raw }];
      case 'text':
        return token.tokens ? this.#inline(token.tokens) : [decoded(token.text)];
      case 'checkbox':
        return [{ kind: 'checkbox', isChecked: token.checked === true }];
      default:
        return [{ kind: 'paragraph', inner: 'tokens' in token ? this.#inline(token.tokens) : [decoded(token.raw)] }];
    }
  }

  #list({ ordered, start, items }: Tokens.List): MarkdownNode {
    const read: MarkdownItem[] = [];
    for (const [at, { task, tokens }] of items.entries()) {
      if (this.#limits.nodes-- > 0) read.push({ isTask: task, inner: this.blocks(tokens) });
      else {
        read.push({ isTask: false, inner: [sourceOf(items.slice(at))] });
        break;
      }
    }
    return { kind: 'list', start: ordered ? Number(start) || 1 : undefined, items: read };
  }

  #table(table: Tokens.Table): MarkdownNode {
    const cells = 1 + table.rows.length;
    if (cells * table.header.length > this.#limits.nodes) return { kind: 'plain', text: table.raw };
    const row = (all: readonly Tokens.TableCell[]) =>
      all.map(({ align, tokens }) => {
        this.#limits.nodes--;
        return { align, inner: this.#inline(tokens) };
      });
    return { kind: 'table', head: row(table.header), rows: table.rows.map(row) };
  }

  #span(token: Token): readonly MarkdownNode[] {
    switch (token.type) {
      case 'strong':
      case 'em':
      case 'del':
        return [{ kind: token.type, inner: this.#inline(token.tokens) }];
      case 'codespan':
        return [{ kind: 'codespan', code: decoded(token.text) }];
      case 'formula':
        return [{ kind: 'formula', tex: token.text, isBlock: token.isBlock === true }];
      case 'br':
        return [{ kind: 'break' }];
      case 'link':
        return [{ kind: 'link', href: token.href, inner: this.#inline(token.tokens) }];
      case 'image':
        return [{ kind: 'image', href: token.href, label: token.text }];
      case 'checkbox':
        return this.#block(token);
      case 'note':
        return [{ kind: 'note', text: token.text }];
      case 'unread':
        return [{ kind: 'plain', text: token.raw }];
      default:
        return this.#lines('text' in token ? token.text : token.raw);
    }
  }

  #lines(text: string): readonly MarkdownNode[] {
    const lines = decoded(text).split('\n');
    if (lines.length > this.#limits.nodes) return [{ kind: 'plain', text }];
    this.#limits.nodes -= lines.length - 1;
    return lines.flatMap((line, at) => (at === 0 ? [line] : [{ kind: 'break' } as const, line]));
  }
}

const sourceOf = (tokens: readonly { readonly raw: string }[]): MarkdownNode => ({
  kind: 'plain',
  text: tokens.map(({ raw }) => raw).join(''),
});

function inSmallBlocks(token: Token): Token[] {
  if (token.raw.length <= maxBlock || ['code', 'space', 'def'].includes(token.type)) return [token];
  if (token.type === 'list') return shorterLists(token as Tokens.List);
  if (token.type === 'table') return shorterTables(token as Tokens.Table);
  return [{ type: 'unread', raw: token.raw, text: token.raw }];
}

function shorterLists(list: Tokens.List): Token[] {
  let start = Number(list.start) || 1;
  return inGroups(list.items, ({ raw }) => raw.length).map((items): Tokens.List => {
    const raw = items.map((item) => item.raw).join('');
    const part = { ...list, raw, start: list.ordered ? start : ('' as const), items };
    start += items.length;
    return part;
  });
}

function shorterTables(table: Tokens.Table): Token[] {
  const countChars = (row: readonly Tokens.TableCell[]) => row.reduce((sum, { text }) => sum + text.length + 1, 0);
  const lines = table.raw.split('\n');
  const head = lines.slice(0, 2).join('\n');
  let line = 2;
  return inGroups(table.rows, countChars).map((rows): Tokens.Table => {
    const raw = [head, ...lines.slice(line, line + rows.length)].join('\n');
    line += rows.length;
    return { ...table, raw, rows };
  });
}

function inGroups<Value>(values: readonly Value[], sizeOf: (value: Value) => number): Value[][] {
  const groups: Value[][] = [];
  let size = 0;
  for (const value of values) {
    size += sizeOf(value);
    if (size > maxBlock || groups.length === 0) {
      groups.push([]);
      size = sizeOf(value);
    }
    groups.at(-1)?.push(value);
  }
  return groups;
}
