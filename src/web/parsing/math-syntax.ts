import type { Tokens } from 'marked';

// Single dollar signs can denote prices, so they delimit a formula only if they touch it and no digit follows.

const maxTex = 5_000; // characters
/** Maximum attempts to parse formulas per Markdown text. Limits the cost of hostile input. */
const maxTries = 2_000;

/** Checked before a single `$`, because `$$` starts with one. */
const pairs = [
  { open: '$$', close: '$$', isBlock: true },
  { open: '\\[', close: '\\]', isBlock: true },
  { open: '\\(', close: '\\)', isBlock: false },
];
const ofDollars = /^\$([^\s$](?:[^$\n]*[^\s$\\])?)\$(?!\d)/;

export const mayHaveFormulas = (text: string): boolean =>
  text.includes('$') || text.includes('\\(') || text.includes('\\[');

export function createMathSyntax() {
  let left = maxTries;
  const read = (src: string): Tokens.Generic | undefined => {
    if (left <= 0 || (src[0] !== '$' && src[0] !== '\\')) return undefined;
    const pair = pairs.find(({ open }) => src.startsWith(open));
    if (!pair && src[0] !== '$') return undefined;
    left--;
    const head = src.slice(0, maxTex + 4);
    if (!pair) {
      const [raw, tex = ''] = ofDollars.exec(head) ?? [];
      return raw === undefined ? undefined : { type: 'formula', raw, text: tex, isBlock: false };
    }
    const { open, close, isBlock } = pair;
    const end = head.indexOf(close, open.length);
    const text = head.slice(open.length, Math.max(open.length, end)).trim();
    if (text === '') return undefined;
    return { type: 'formula', raw: head.slice(0, end + close.length), text, isBlock };
  };
  const atBlock = (src: string): Tokens.Generic | undefined => {
    const indent = /^ {0,3}/.exec(src)?.[0] ?? '';
    const found = read(src.slice(indent.length, indent.length + maxTex + 8));
    const behind = found?.isBlock
      ? /^[ \t]*(?:\n|$)/.exec(src.slice(indent.length + found.raw.length, indent.length + found.raw.length + 200))
      : null;
    return found && behind ? { ...found, type: 'formulas', raw: indent + found.raw + behind[0] } : undefined;
  };
  const inlineStart = (src: string): number | undefined => {
    const index = left > 0 ? src.search(/\$|\\[([]/) : -1;
    return index < 0 ? undefined : index;
  };
  return { renderers: {}, childTokens: {}, inline: [read], block: [atBlock], startInline: [inlineStart] };
}
