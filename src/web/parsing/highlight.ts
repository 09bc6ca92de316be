import bash from 'highlight.js/lib/languages/bash';
import c from 'highlight.js/lib/languages/c';
import cpp from 'highlight.js/lib/languages/cpp';
import css from 'highlight.js/lib/languages/css';
import diff from 'highlight.js/lib/languages/diff';
import dockerfile from 'highlight.js/lib/languages/dockerfile';
import go from 'highlight.js/lib/languages/go';
import ini from 'highlight.js/lib/languages/ini';
import java from 'highlight.js/lib/languages/java';
import javascript from 'highlight.js/lib/languages/javascript';
import json from 'highlight.js/lib/languages/json';
import markdown from 'highlight.js/lib/languages/markdown';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import sql from 'highlight.js/lib/languages/sql';
import typescript from 'highlight.js/lib/languages/typescript';
import xml from 'highlight.js/lib/languages/xml';
import yaml from 'highlight.js/lib/languages/yaml';
import { createLowlight } from 'lowlight';
import { splitTextParts } from '../parts/bounded-text.ts';

// A separate chunk, which the worker loads for the first code block.

const maxPieces = 5_000;

const languages = {
  bash,
  c,
  cpp,
  css,
  diff,
  dockerfile,
  go,
  ini,
  java,
  javascript,
  json,
  markdown,
  python,
  rust,
  sql,
  typescript,
  xml,
  yaml,
};
const lowlight = createLowlight(languages);

export type HighlightNode = string | { readonly class: string; readonly inner: readonly HighlightNode[] };
type Tree = ReturnType<typeof lowlight.highlight>['children'][number];

/** Accepts language names and file extensions. Undefined: unknown language, or too many pieces. */
export function highlightTextParts(code: string, language: string): readonly (readonly HighlightNode[])[] | undefined {
  const name = language.toLowerCase();
  if (!lowlight.registered(name)) return undefined;
  const pieces = lowlight.highlight(name, code).children.flatMap(pieceOf);
  return countPieces(pieces) > maxPieces ? undefined : inParts(pieces, splitTextParts(code));
}

function inParts(pieces: readonly HighlightNode[], parts: readonly string[]): HighlightNode[][] {
  let rest = pieces;
  return parts.map(({ length }) => {
    const [part, after] = cutPieces(rest, length);
    rest = after;
    return part;
  });
}

function cutPieces(pieces: readonly HighlightNode[], at: number): [HighlightNode[], HighlightNode[]] {
  let room = at;
  for (const [n, piece] of pieces.entries()) {
    const size = countChars(piece);
    if (size <= room) {
      room -= size;
      continue;
    }
    const [left, right] =
      typeof piece === 'string' ? [[piece.slice(0, room)], [piece.slice(room)]] : cutPieces(piece.inner, room);
    const half = (inner: HighlightNode[]): HighlightNode[] =>
      typeof piece === 'string' ? inner : [{ ...piece, inner }];
    return [
      [...pieces.slice(0, n), ...half(left)],
      [...half(right), ...pieces.slice(n + 1)],
    ];
  }
  return [[...pieces], []];
}

const countChars = (piece: HighlightNode): number =>
  typeof piece === 'string' ? piece.length : piece.inner.reduce((sum, one) => sum + countChars(one), 0);

const countPieces = (pieces: readonly HighlightNode[]): number =>
  pieces.reduce((sum, piece) => sum + 1 + (typeof piece === 'string' ? 0 : countPieces(piece.inner)), 0);

function pieceOf(node: Tree): HighlightNode[] {
  if (node.type === 'text') return [node.value];
  if (node.type !== 'element') return [];
  const names = node.properties.className;
  return [{ class: Array.isArray(names) ? names.join(' ') : '', inner: node.children.flatMap(pieceOf) }];
}
