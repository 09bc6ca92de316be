import { expect, test } from 'vitest';
import { type MarkdownNode, type MarkdownTree, parseMarkdown } from '../../../../src/web/parsing/markdown.ts';

const frozen = () => 0;

const innerOf = (node: MarkdownNode): MarkdownTree => {
  if (typeof node === 'string') return [];
  if ('inner' in node) return node.inner;
  if ('items' in node) return node.items.flatMap(({ inner }) => inner);
  return 'rows' in node ? [node.head, ...node.rows].flat().flatMap(({ inner }) => inner) : [];
};
const depthOf = (tree: MarkdownTree): number => 1 + Math.max(0, ...tree.map((node) => depthOf(innerOf(node))));
const countOf = (tree: MarkdownTree): number => tree.reduce((sum, node) => sum + 1 + countOf(innerOf(node)), 0);
const textOf = (tree: MarkdownTree): string =>
  tree
    .map((node) => {
      if (typeof node === 'string') return node;
      if ('text' in node) return node.text;
      return 'code' in node ? node.code : textOf(innerOf(node));
    })
    .join('');

test('Markdown becomes paragraphs, lists, tables, code, links and pictures', () => {
  expect(parseMarkdown('# A *b*\n\nc&amp;d\ne\n\n- [x] f\n\n```ts\ng\n```\n\n[h](http://i) ![j](k.png)')).toEqual([
    { kind: 'heading', depth: 1, inner: ['A ', { kind: 'em', inner: ['b'] }] },
    { kind: 'paragraph', inner: ['c&d', { kind: 'break' }, 'e'] },
    { kind: 'list', start: undefined, items: [{ isTask: true, inner: [{ kind: 'checkbox', isChecked: true }, 'f'] }] },
    { kind: 'code', code: 'g', language: 'ts' },
    {
      kind: 'paragraph',
      inner: [{ kind: 'link', href: 'http://i', inner: ['h'] }, ' ', { kind: 'image', href: 'k.png', label: 'j' }],
    },
  ]);
  expect(parseMarkdown('|a|\n|-:|\n|b|')).toEqual([
    { kind: 'table', head: [{ align: 'right', inner: ['a'] }], rows: [[{ align: 'right', inner: ['b'] }]] },
  ]);
});

test.each<[text: string, inner: MarkdownTree]>([
  ['a[^1] b', ['a', { kind: 'note', text: '1' }, ' b', { kind: 'break' }, { kind: 'note', text: '1' }, ': c']],
  ['a [^b]', ['a [^b]', { kind: 'break' }, { kind: 'note', text: '1' }, ': c']],
  ['`[^1]`', [{ kind: 'codespan', code: '[^1]' }, { kind: 'break' }, { kind: 'note', text: '1' }, ': c']],
])('%s with a footnote 1 has a note only where it names it', (text, inner) => {
  expect(parseMarkdown(`${text}\n[^1]: c`)).toEqual([{ kind: 'paragraph', inner }]);
});

test('a footnote of one word is no address, and a pattern without a footnote stays text', () => {
  expect(parseMarkdown('[^1]: word\n\nsee [^1]')).toEqual([
    { kind: 'paragraph', inner: [{ kind: 'note', text: '1' }, ': word'] },
    { kind: 'paragraph', inner: ['see ', { kind: 'note', text: '1' }] },
  ]);
  expect(parseMarkdown('not [^a-z]')).toEqual([{ kind: 'paragraph', inner: ['not [^a-z]'] }]);
});

test('quotes that are nested too deeply stay text, so that no reader needs a deep stack', () => {
  const tree = parseMarkdown(`${'> '.repeat(6_000)}the end`, frozen);
  expect(depthOf(tree)).toBeLessThan(60);
  expect(textOf(tree)).toContain('the end');
});

test('a paragraph that is too long for emphasis stays text', () => {
  const text = '*a_b'.repeat(50_000);
  expect(parseMarkdown(text, frozen)).toEqual([{ kind: 'plain', text: text.slice(0, 200_000) }]);
});

test.each([
  ['list items', '- a\n'.repeat(20_000)],
  ['lines', 'a\n'.repeat(4_900)],
  ['paragraphs', 'a\n\n'.repeat(20_000)],
  ['cells', `|1|2|\n|-|-|\n${'|c|d|\n'.repeat(10_000)}`],
  ['spans of code', '`a` '.repeat(2_000).concat('\n\n').repeat(10)],
])('of too many %s the rest is one text', (_name, text) => {
  const tree = parseMarkdown(text, frozen);
  expect(countOf(tree)).toBeLessThan(11_000);
  expect(textOf(tree).replace(/[^a-d]/g, '').length).toBe(text.replace(/[^a-d]/g, '').length);
});

test('a text that is read for too long stays text from there on', () => {
  let readings = 0;
  expect(textOf(parseMarkdown('*a*\n\n*b*\n\n*c*', () => (readings++ < 4 ? 0 : 1e9)))).toBe('a*b**c*');
});

test('a list or a table that is too long for one block becomes several, and no item is lost', () => {
  const items = Array.from({ length: 900 }, (_, at) => `item ${at} with some words`);
  const lists = parseMarkdown(items.map((item, at) => `${at + 1}. ${item}`).join('\n'), frozen);
  expect(lists.length).toBeGreaterThan(2);
  expect(lists.flatMap((node) => (typeof node === 'object' && node.kind === 'list' ? node.start : []))).toEqual(
    expect.arrayContaining([1]),
  );
  expect(textOf(lists)).toBe(items.join(''));
  const tables = parseMarkdown(`|a|b|\n|-|-|\n${items.map((item) => `|${item}|x|`).join('\n')}`, frozen);
  expect(tables.length).toBeGreaterThan(2);
  expect(textOf(tables).replaceAll('ab', '')).toBe(items.map((item) => `${item}x`).join(''));
});

test('a list that becomes several continues counting', () => {
  const lists = parseMarkdown(`1. ${'a '.repeat(2_000)}\n`.repeat(6), frozen);
  expect(lists.map((node) => (typeof node === 'object' && node.kind === 'list' ? node.start : node))).toEqual([
    1, 2, 3, 4, 5, 6,
  ]);
});
