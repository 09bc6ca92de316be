import { expect, test } from 'vitest';
import { clipMarkdown, toMarkdown } from '../../../../src/agents/browser/markdown.ts';
import type { PageTreeNode } from '../../../../src/agents/browser/page-types.ts';

const el = (tag: string, ...inner: PageTreeNode[]): PageTreeNode => ({ tag, inner });
const link = (to: string, ...inner: PageTreeNode[]): PageTreeNode => ({ tag: 'a', to, inner });

const row = (...cells: string[]) => el('tr', ...cells.map((cell) => el('td', cell)));
const paragraph = el('p', 'Some ', el('b', 'bold'), ' and ', el('em', 'fine'), ' words.');
const list = el('ol', el('li', 'one', el('ul', el('li', 'deep'))), el('li', 'two'));
const links = [link('https://a.example/x', 'there'), ' ', link('javascript:void 0', 'nowhere')];

test.each<[string, PageTreeNode[], string]>([
  ['a heading', [el('h2', 'A  title')], '## A title'],
  ['a paragraph with emphasis', [paragraph], 'Some **bold** and *fine* words.'],
  ['a link, but none to a script', links, '[there](https://a.example/x) nowhere'],
  ['a nested, numbered list', [list], '1. one\n   - deep\n2. two'],
  ['a table of data', [el('table', row('a', 'b|c'), row('d'))], '| a | b\\|c |\n| --- | --- |\n| d |  |'],
  ['a table for layout', [el('table', row('only'), row('text'))], 'only\n\ntext'],
  ['code that would end its fence', [el('pre', 'a\n  b ``` c')], '```\na\n  b `\u200b`` c\n```'],
])('%s stands as Markdown', (_, tree, markdown) => expect(toMarkdown(tree)).toBe(markdown));

test('a long page is cut at a whole character and says how much is left', () =>
  expect(clipMarkdown(toMarkdown(['😀'.repeat(10)]), 5)).toBe(
    '😀😀\n[… The page continues for 16 more characters; scroll, or look with browser_console_exec.]',
  ));

test('a page that was cut when it was read says so', () =>
  expect(clipMarkdown(toMarkdown(['text']), 100, true)).toContain('[… The page continues;'));
