/**
 * Highlights code for readers. A small scanner is enough, because nothing depends on its result; highlight.js, which the web page
 * uses, would cost every server 10 MB of memory.
 */
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
