import { expect, test } from 'vitest';
import { clipMarkdown, toMarkdown } from '../../../../src/agents/browser/markdown.ts';
import type { PageTreeNode } from '../../../../src/agents/browser/page-types.ts';

const el = (tag: string, ...inner: PageTreeNode[]): PageTreeNode => ({ tag, inner });
const link = (to: string, ...inner: PageTreeNode[]): PageTreeNode => ({ tag: 'a', to, inner });
const markdown = (...tree: PageTreeNode[]) => toMarkdown(tree);

test('headings, paragraphs and emphasis stand as Markdown', () =>
  expect(markdown(el('h2', 'A  title'), el('p', 'Some ', el('b', 'bold'), ' and ', el('em', 'fine'), ' words.'))).toBe(
    '## A title\n\nSome **bold** and *fine* words.',
  ));

test('links keep where they lead, but for scripts', () =>
  expect(markdown(link('https://a.example/x', 'there'), ' ', link('javascript:void 0', 'nowhere'))).toBe(
    '[there](https://a.example/x) nowhere',
  ));

test('lists are nested and numbered', () => {
  const inner = el('ul', el('li', 'deep'));
  expect(markdown(el('ol', el('li', 'one', inner), el('li', 'two')))).toBe('1. one\n   - deep\n2. two');
});

test('a table of data is a table, and one for layout is not', () => {
  const row = (...cells: string[]) => el('tr', ...cells.map((cell) => el('td', cell)));
  expect(markdown(el('table', row('a', 'b|c'), row('d')))).toBe('| a | b\\|c |\n| --- | --- |\n| d |  |');
  expect(markdown(el('table', row('only'), row('text')))).toBe('only\n\ntext');
});

test('code keeps its lines and cannot end its fence', () =>
  expect(markdown(el('pre', 'a\n  b ``` c'))).toBe('```\na\n  b `\u200b`` c\n```'));

test('a long page is cut at a whole character and says how much is left', () =>
  expect(clipMarkdown(toMarkdown(['😀'.repeat(10)]), 5)).toBe(
    '😀😀\n[… The page goes on for 16 characters; scroll, or look with browser_console_exec.]',
  ));

test('a page that was cut when it was read says so', () =>
  expect(clipMarkdown(toMarkdown(['text']), 100, true)).toContain('[… The page goes on;'));
