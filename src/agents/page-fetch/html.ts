import { type Token, Tokenizer, TokenizerMode } from 'parse5';
import { truncateEnd } from '../../core/text/text.ts';
import type { PageTreeElement, PageTreeNode } from '../browser/page-types.ts';

interface ParsedPage {
  readonly title: string;
  /** Main parts of at least 200 characters each, or else all but navigation, headers, footers and asides. */
  readonly main: readonly PageTreeNode[];
  readonly all: readonly PageTreeNode[];
}
interface OpenElement {
  readonly name: string;
  readonly inner: PageTreeNode[];
  /** True inside the main content, where a header is part of the text. */
  readonly isMain: boolean;
}

const maxDepth = 60;
const skipped = new Set(
  'script style noscript template svg math iframe object canvas audio video select datalist'.split(' '),
);
const chrome = new Set(['nav', 'header', 'footer', 'aside']);
const empty = new Set('area base br col embed hr img input link meta source track wbr'.split(' '));
const kept = new Set('a h1 h2 h3 h4 h5 h6 p ul ol li table tr td th pre code blockquote strong b em i'.split(' '));
const blocks = new Set(
  'main article section nav header footer aside div figure figcaption form fieldset details summary dl dt dd address center tbody thead tfoot caption menu dialog hgroup search'.split(
    ' ',
  ),
);
/** `ended`: the open elements that a new one closes. `within`: where the search stops. */
const endedBy: Readonly<Record<string, { readonly ended: ReadonlySet<string>; readonly within: ReadonlySet<string> }>> =
  {
    li: { ended: new Set(['li', 'p']), within: new Set(['ul', 'ol', 'menu']) },
    tr: { ended: new Set(['tr', 'td', 'th', 'p']), within: new Set(['table']) },
    td: { ended: new Set(['td', 'th', 'p']), within: new Set(['tr', 'table']) },
    th: { ended: new Set(['td', 'th', 'p']), within: new Set(['tr', 'table']) },
    dt: { ended: new Set(['dt', 'dd', 'p']), within: new Set(['dl']) },
    dd: { ended: new Set(['dt', 'dd', 'p']), within: new Set(['dl']) },
  };
const endsParagraph = /^(p|ul|ol|table|pre|blockquote|h[1-6]|div|section|article)$/;
const modes: Readonly<Record<string, number>> = {
  title: TokenizerMode.RCDATA,
  textarea: TokenizerMode.RCDATA,
  script: TokenizerMode.SCRIPT_DATA,
  style: TokenizerMode.RAWTEXT,
  xmp: TokenizerMode.RAWTEXT,
  iframe: TokenizerMode.RAWTEXT,
  noembed: TokenizerMode.RAWTEXT,
  noframes: TokenizerMode.RAWTEXT,
};

/** Runs in linear time. Elements nested more than 60 levels deep are reduced to text. Addresses become absolute. */
export function parsePage(html: string, address: string): ParsedPage {
  const page = new PageReader(address);
  const tokenizer: Tokenizer = new Tokenizer(
    { sourceCodeLocationInfo: false },
    {
      onStartTag(tag) {
        const mode = modes[tag.tagName];
        if (mode !== undefined && !tag.selfClosing) {
          tokenizer.state = mode;
          tokenizer.lastStartTagName = tag.tagName;
        }
        page.starts(tag);
      },
      onEndTag: ({ tagName }) => page.ends(tagName),
      onCharacter: ({ chars }) => page.says(chars),
      onWhitespaceCharacter: ({ chars }) => page.says(chars),
      onNullCharacter: () => {},
      onComment: () => {},
      onDoctype: () => {},
      onEof: () => {},
    },
  );
  tokenizer.write(html, true);
  return page.read();
}

class PageReader {
  readonly #root: PageTreeNode[] = [];
  readonly #chrome = new WeakSet<PageTreeElement>();
  readonly #mains: PageTreeElement[] = [];
  readonly #open: OpenElement[] = [];
  readonly #deep = new Map<string, number>();
  #hidden = 0;
  readonly #hiding: string[] = [];
  #base: string;
  #title = '';
  #isTitle = false;

  constructor(address: string) {
    this.#base = address;
  }

  read(): ParsedPage {
    const long = this.#mains.filter((main) => countChars([main], 200) >= 200);
    const main = long.length > 0 ? long : this.#withoutChrome(this.#root);
    return { title: this.#title.replace(/\s+/g, ' ').trim(), main, all: this.#root };
  }

  says(text: string): void {
    if (this.#isTitle) this.#title = truncateEnd(this.#title + text, 300);
    else if (this.#hidden === 0) this.#add(text);
  }

  starts({ tagName: name, attrs, selfClosing }: Token.TagToken): void {
    const read = (target: string) => attrs.find((attr) => attr.name === target)?.value;
    if (name === 'base') this.#base = absolute(read('href'), this.#base) || this.#base;
    if (name === 'title' && this.#hidden === 0 && this.#title === '') this.#isTitle = true;
    if (this.#isTitle) return;
    if (this.#hidden === 0 && empty.has(name)) {
      this.#leaf(name, read);
      return;
    }
    const isHidden = read('hidden') !== undefined || read('aria-hidden') === 'true';
    if (this.#hidden > 0 || skipped.has(name) || isHidden) {
      this.#hides(name, selfClosing);
      return;
    }
    if (!kept.has(name) && !blocks.has(name)) return;
    this.#implyEnds(name);
    if (this.#open.length >= maxDepth) return void this.#deep.set(name, (this.#deep.get(name) ?? 0) + 1);
    const to = name === 'a' ? absolute(read('href'), this.#base) : '';
    const inner: PageTreeNode[] = [];
    const branch: PageTreeElement = { tag: kept.has(name) ? name : 'div', ...(to !== '' && { to }), inner };
    const isMain =
      this.#open.at(-1)?.isMain === true || name === 'main' || name === 'article' || read('role') === 'main';
    if (isMain && this.#open.at(-1)?.isMain !== true) this.#mains.push(branch);
    if (chrome.has(name) && !isMain) this.#chrome.add(branch);
    this.#add(branch);
    this.#open.push({ name, inner, isMain });
  }

  ends(name: string): void {
    if (name === 'title') this.#isTitle = false;
    if (this.#hidden > 0) {
      if (this.#hiding[0] === name) this.#hidden--;
      return;
    }
    const deep = this.#deep.get(name) ?? 0;
    if (deep > 0) return void this.#deep.set(name, deep - 1);
    const at = this.#open.findLastIndex((open) => open.name === name);
    if (at >= 0) this.#open.length = at;
  }

  /** Starts skipping everything up to the end of this element. */
  #hides(name: string, selfClosing: boolean): void {
    if (this.#hidden > 0) {
      if (this.#hiding[0] === name && !empty.has(name)) this.#hidden++;
    } else if (!selfClosing || !['svg', 'math'].includes(name)) {
      this.#hiding[0] = name;
      this.#hidden = 1;
    }
  }

  #leaf(name: string, read: (name: string) => string | undefined): void {
    if (name === 'br' || name === 'hr') this.#add({ tag: name, inner: [] });
    const alt = read('alt')?.trim() ?? '';
    const to = name === 'img' ? absolute(read('src'), this.#base) : '';
    if (name === 'img' && alt !== '')
      this.#add({ tag: 'img', ...(to !== '' && { to }), inner: [truncateEnd(alt, 500)] });
  }

  #implyEnds(name: string): void {
    const rule = endedBy[name];
    if (rule) {
      const from = this.#open.findLastIndex((open) => rule.within.has(open.name));
      const at = this.#open.findIndex((open, index) => index > from && rule.ended.has(open.name));
      if (at >= 0) this.#open.length = at;
    } else if (endsParagraph.test(name) && this.#open.at(-1)?.name === 'p') this.#open.pop();
  }

  #add(node: PageTreeNode): void {
    (this.#open.at(-1)?.inner ?? this.#root).push(node);
  }

  #withoutChrome(nodes: readonly PageTreeNode[]): readonly PageTreeNode[] {
    return nodes.flatMap((node): PageTreeNode[] => {
      if (typeof node === 'string') return [node];
      return this.#chrome.has(node) ? [] : [{ ...node, inner: this.#withoutChrome(node.inner) }];
    });
  }
}

/** Returns the empty string for any address that is not http(s), such as `javascript:`. */
const absolute = (value: string | undefined, base: string): string => {
  const url = value === undefined ? null : URL.parse(value.trim(), base);
  return url && /^https?:$/.test(url.protocol) ? url.href : '';
};

function countChars(nodes: readonly PageTreeNode[], most: number): number {
  let length = 0;
  for (const node of nodes) {
    length += typeof node === 'string' ? node.trim().length : countChars(node.inner, most - length);
    if (length >= most) break;
  }
  return length;
}
