import { expect, onTestFinished, test } from 'vitest';
import { toMarkdown } from '../../../../src/agents/browser/markdown.ts';
import { parsePage } from '../../../../src/agents/page-fetch/html.ts';
import { createPageTextThread } from '../../../../src/agents/page-fetch/page-text.ts';

const address = 'https://site.example/docs/page.html';
const markdown = (html: string) => toMarkdown(parsePage(html, address).main);

const go = '<a href="../x?y=1#z">go</a>';
const hidden = '<p hidden>h<b>i</b></p><div aria-hidden=true>z<div>y</div></div>';
test.each([
  ['headings and paragraphs', '<h1>A &amp; B</h1><p>one<p>two', '# A & B\n\none\n\ntwo'],
  ['absolute links', `<p>${go} <a href="javascript:x()">no</a>`, '[go](https://site.example/x?y=1#z) no'],
  ['the base of the page', '<base href="//cdn.example/"><a href="a">a</a>', '[a](https://cdn.example/a)'],
  ['pictures', '<img src="/i.png" alt="A cat"><img src="/spacer.gif">', '![A cat](https://site.example/i.png)'],
  ['lists whose items have no end', '<ul><li>a<li>b<ul><li>c</ul><li>d</ul>', '- a\n- b\n  - c\n- d'],
  [
    'tables whose cells have no end',
    '<table><tr><th>k<th>v<tr><td>1<td>2|3</table>',
    '| k | v |\n| --- | --- |\n| 1 | 2\\|3 |',
  ],
  [
    'code',
    '<pre><code>if (a &lt; b) {\n  x\n}</code></pre><p>use <code>x</code>',
    '```\nif (a < b) {\n  x\n}\n```\n\nuse `x`',
  ],
  ['no scripts, styles and hidden parts', `<script>"<p>"</script><style>p{}</style>${hidden}<p>shown`, 'shown'],
  ['quotes and lines', '<blockquote><p>q</blockquote><hr>end', '> q\n\n---\nend'],
])('%s become Markdown', (_, html, expected) => expect(markdown(html)).toBe(expected));

test('navigation is left out, and marked main content stands alone', () => {
  const menu = '<header>Menu</header><nav><a href="/">Home</a></nav>';
  expect(markdown(`<div>${menu}<div>Text</div></div><footer>(c)</footer>`)).toBe('Text');
  const long = 'A long text. '.repeat(30).trim();
  expect(markdown(`${menu}<div>Teaser</div><main><header>By A</header><p>${long}</p></main>`)).toBe(`By A\n\n${long}`);
  const page = parsePage(`<title>T <b></title>${menu}<p>x`, address);
  expect([page.title, toMarkdown(page.all)]).toEqual(['T <b>', 'Menu\n[Home](https://site.example/)\n\nx']);
});

test('hostile pages are converted off the event loop, in bounded time and memory', async () => {
  const thread = createPageTextThread();
  onTestFinished(() => thread[Symbol.asyncDispose]());
  const read = (html: string) => thread.do({ html, address, part: 'main' }, new AbortController().signal);
  await read('warm');
  const nested = await read(`${'<div>'.repeat(100_000)}deep${'</div>'.repeat(100_000)}<p>after`);
  expect(nested?.markdown).toContain('deep');
  expect(nested?.markdown).toContain('after');
  expect((await read(`${'<ul><li>'.repeat(100_000)}x`))?.markdown).toContain('x');
  expect((await read(`${'<b><i>'.repeat(100_000)}x`))?.markdown).toContain('x');
  expect((await read('<a href="'.repeat(100_000)))?.markdown).toBe('');
});

test('a page that takes too long is abandoned, and the next one is read', async () => {
  const thread = createPageTextThread(1_500);
  onTestFinished(() => thread[Symbol.asyncDispose]());
  const read = (html: string) => thread.do({ html, address, part: 'all' }, new AbortController().signal);
  expect(await read(`${'<blockquote>'.repeat(55)}${'x<br>'.repeat(1_000_000)}`)).toBeUndefined();
  // The next page is in a new thread; on a busy machine its start can take as long.
  await expect.poll(() => read('<p>fine')).toEqual({ title: '', markdown: 'fine' });
});
