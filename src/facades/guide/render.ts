import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { Marked, type Tokens } from 'marked';
import { docsFolder, guidePagePaths, guideSections } from './pages.ts';

const asText = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

/** Matches GitHub's anchors, so that links work on GitHub and in the guide. */
export function toAnchor(heading: string): string {
  const words = heading
    .replaceAll(/<[^<>]+>/g, '')
    .trim()
    .toLowerCase();
  return words.replaceAll(/[^\p{L}\p{N}\s_-]/gu, '').replaceAll(/\s/g, '-');
}

const addressOf = (path: string) => (path === 'index' ? '/guide' : `/guide/${path}`);

function target(href: string, page: string): string | undefined {
  if (/^(https?:|#|\/)/.test(href)) return href;
  const [file = '', anchor] = href.split('#');
  const path = posix.join(posix.dirname(page), file).replace(/\.md$/, '');
  if (!guidePagePaths.has(path)) return undefined;
  return addressOf(path) + (anchor === undefined ? '' : `#${anchor}`);
}

const pictureTypes: Readonly<Record<string, string>> = { svg: 'image/svg+xml', webp: 'image/webp' };
/** Inlined, so that images need no route. */
function picture(href: string, page: string): string | undefined {
  const file = posix.join(posix.dirname(page), href);
  const type = pictureTypes[/^[a-z0-9-]+(?:\/[a-z0-9-]+)*\.([a-z]+)$/.exec(file)?.[1] ?? ''];
  if (type === undefined) return undefined;
  return `data:${type};base64,${readFileSync(new URL(file, docsFolder)).toString('base64')}`;
}

function renderContent(markdown: string, page: string): string {
  const marked = new Marked({ gfm: true });
  marked.use({
    renderer: {
      heading({ tokens, depth, text }: Tokens.Heading): string {
        const id = toAnchor(text.replaceAll('`', ''));
        return `<h${depth} id="${id}"><a href="#${id}">${this.parser.parseInline(tokens)}</a></h${depth}>\n`;
      },
      link({ href, tokens }: Tokens.Link): string {
        const address = target(href, page);
        const text = this.parser.parseInline(tokens);
        return address === undefined ? `<span>${text}</span>` : `<a href="${asText(address)}">${text}</a>`;
      },
      image({ href, text }: Tokens.Image): string {
        const source = picture(href, page);
        return source === undefined ? asText(text) : `<img src="${source}" alt="${asText(text)}">`;
      },
      code({ text, lang = '' }: Tokens.Code): string {
        return `<pre><code>${highlightCode(text, lang.split(/\s/, 1)[0] ?? '')}</code></pre>\n`;
      },
      html: ({ text }: Tokens.HTML | Tokens.Tag): string => asText(text),
    },
  });
  const html = marked.parse(markdown, { async: false });
  return html.replaceAll(/<(pre|table)>/g, '<$1 tabindex="0">'); // makes wide blocks scrollable by keyboard
}

const menu = (page: string) =>
  guideSections
    .map(([heading, pages]) => {
      const items = pages.map(([path, name]) => {
        const current = path === page ? ' aria-current="page"' : '';
        return `<li><a href="${addressOf(path)}"${current}>${asText(name)}</a></li>`;
      });
      const isOpen = pages.some(([path]) => path === page) ? ' open' : '';
      return `<details${isOpen}><summary>${asText(heading)}</summary>\n<ul>${items.join('')}</ul></details>`;
    })
    .join('\n');

function tableOfContents(markdown: string): string {
  const headings = new Marked({ gfm: true }).lexer(markdown).flatMap((token) => {
    const { type, depth, text } = token as Tokens.Heading;
    return type === 'heading' && (depth === 2 || depth === 3) ? [{ depth, text: text.replaceAll('`', '') }] : [];
  });
  if (headings.length < 3) return '';
  const shown = headings.length > 30 ? headings.filter(({ depth }) => depth === 2) : headings;
  const items = shown.map(
    ({ depth, text }) => `<li class="h${depth}"><a href="#${toAnchor(text)}">${asText(text)}</a></li>`,
  );
  return `<aside aria-label="On this page"><p><b>On this page</b></p><ul>${items.join('')}</ul></aside>`;
}

export function renderGuidePage(page: string, markdown: string): string {
  const title = /^# (.*)$/m.exec(markdown)?.[1]?.replaceAll('`', '') ?? 'Corral';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${asText(title)} · Corral</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/guide/guide.css">
<script src="/guide/guide.js" defer></script>
</head>
<body>
<a class="skip" href="#content">Skip to the page</a>
<nav aria-label="Guide"><p class="brand"><a href="/guide"><img src="/static/icon.svg" alt="" width="26" height="26"> <b>Corral</b></a> <a href="/docs">API</a> <a href="/">Open Corral</a></p>
<search><label for="search">Search <kbd>/</kbd></label><input id="search" type="search" placeholder="Search the guide" autocomplete="off" aria-controls="found">
<p id="count" role="status" class="unseen"></p><ul id="found" hidden></ul></search>
${menu(page)}
</nav>
<main id="content">
${renderContent(markdown, page)}</main>
${tableOfContents(markdown)}
</body>
</html>
`;
}

/** Highlighting uses a small scanner, because highlight.js takes 10 MB of memory. */
type TokenKind = 'comment' | 'string' | 'number' | 'word';

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const strings = /"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/;
const numbers = /\b\d+(?:\.\d+)?\b/;
const hash = /(?<=^|\s)#[^\n]*/;
const slashes = /\/\/[^\n]*|\/\*[\s\S]*?\*\//;
const wordsOf = (words: string) => new RegExp(`(?<![\\w$-])(?:${words.split(' ').join('|')})(?![\\w-])`);

interface Language {
  readonly comment: RegExp;
  readonly string: RegExp;
  readonly word: RegExp;
}
const script: Language = {
  comment: slashes,
  string: new RegExp(`\`(?:[^\`\\\\]|\\\\.)*\`|${strings.source}`),
  word: wordsOf(
    'import from export const let await async for of if else return new function class using type true false null',
  ),
};
const shell: Language = {
  comment: hash,
  string: strings,
  word: wordsOf('npm npx corral docker curl pip helm kubectl git cd export sudo node python3'),
};
const python: Language = {
  comment: hash,
  string: strings,
  word: wordsOf('import from as with for in if else return def class async await True False None print'),
};
const yaml: Language = { comment: hash, string: strings, word: /^[ \t]*(?:-[ \t]+)*[\w.-]+(?=:)/m };
const json: Language = { comment: /(?!)/, string: strings, word: wordsOf('true false null') };

const languages: Readonly<Record<string, Language>> = {
  ts: script,
  js: script,
  typescript: script,
  javascript: script,
  py: python,
  python,
  yaml,
  yml: yaml,
  json,
  bash: shell,
  sh: shell,
  '': shell, // an indented block has no language; it contains settings, or input for a prompt
};

export function highlightCode(code: string, language: string): string {
  const rules = languages[language];
  if (!rules) return escaped(code);
  const parts: readonly (readonly [TokenKind, RegExp])[] = [
    ['comment', rules.comment],
    ['string', rules.string],
    ['word', rules.word],
    ['number', numbers],
  ];
  const any = new RegExp(parts.map(([name, { source }]) => `(?<${name}>${source})`).join('|'), 'gm');
  let html = '';
  let at = 0;
  for (const found of code.matchAll(any)) {
    const [kind] = Object.entries(found.groups ?? {}).find(([, text]) => text !== undefined) ?? [''];
    html += `${escaped(code.slice(at, found.index))}<span class="${kind}">${escaped(found[0])}</span>`;
    at = found.index + found[0].length;
  }
  return html + escaped(code.slice(at));
}
