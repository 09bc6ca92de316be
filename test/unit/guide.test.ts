import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { expect, test } from 'vitest';
import { renderReferencePages } from '../../scripts/reference-docs.ts';
import { guidePagePaths } from '../../src/facades/guide/pages.ts';
import { highlightCode, renderGuidePage, toAnchor } from '../../src/facades/guide/render.ts';
import { buildSearchIndex } from '../../src/facades/guide/search-index.ts';

const inside = /^(decisions|machines)\//; // for people who work on Corral; the repository has them
const files = globSync('docs/**/*.md').map((file) => posix.relative('docs', file));
const page = (path: string) => readFile(`docs/${path}.md`, 'utf8');

test('the guide has every page of the documentation, and no other', () => {
  const expected = files.filter((file) => !inside.test(file)).map((file) => file.replace(/[.]md$/, ''));
  expect([...guidePagePaths].sort()).toEqual(expected.sort());
});

test('the reference is what its code says', async () => {
  for (const [file, text] of Object.entries(await renderReferencePages()))
    expect(await readFile(file, 'utf8'), `${file} is stale: npm run check writes it`).toBe(text);
});

test('no link of a page is broken, and no anchor', async () => {
  const anchors = new Map<string, Set<string>>();
  const html = new Map<string, string>();
  for (const path of guidePagePaths) {
    html.set(path === 'index' ? '/guide' : `/guide/${path}`, renderGuidePage(path, await page(path)));
  }
  for (const [address, text] of html)
    anchors.set(address, new Set([...text.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)));
  const broken: string[] = [];
  for (const [address, text] of html) {
    for (const [, href = ''] of text.matchAll(/ href="([^"]+)"/g)) {
      if (/^(https?:|data:,$|[/]$|[/]docs$|[/]guide[/]guide.css$)/.test(href)) continue;
      const [target = '', anchor] = href.split('#');
      const known = anchors.get(target === '' ? address : target);
      if (!known || (anchor !== undefined && !known.has(decodeURIComponent(anchor))))
        broken.push(`${address}: ${href}`);
    }
  }
  expect(broken).toEqual([]);
});

test('an anchor is the one that GitHub makes', () => {
  expect(toAnchor('Pages of other origins')).toBe('pages-of-other-origins');
  expect(toAnchor('What `corral run` does, twice')).toBe('what-corral-run-does-twice');
});

test('HTML in a page is shown, not obeyed', () =>
  expect(renderGuidePage('index', '# One\n\n<script>alert(1)</script>')).not.toContain('<script>'));

test('a drawing is part of its page', () => {
  const text = renderGuidePage('performance', '# A\n\n![all figures](performance/targets.svg)');
  expect(text).toMatch(/<img src="data:image\/svg[+]xml;base64,[A-Za-z0-9+/=]+" alt="all figures">/);
});

test('a picture from another place is only its text', () => {
  for (const href of ['https://example.test/a.svg', '../../etc/passwd', '../secret.svg', 'a.png'])
    expect(renderGuidePage('performance', `![a <b>](${href})`).split('<main')[1]).not.toContain('<img');
});

test('the picture of the page is part of its page, and wide blocks are reached by keyboard', async () => {
  const text = renderGuidePage('page', await page('page'));
  expect(text).toMatch(/<img src="data:image\/webp;base64,[A-Za-z0-9+/=]+" alt="A session: /);
  expect(text).not.toMatch(/<(pre|table)>/);
});

test('HTML in a block of code is shown, and its parts are marked', () => {
  const text = renderGuidePage('index', '# One\n\n```ts\nconst a = "<b>"; // why\n```\n');
  expect(text).toContain('<span class="word">const</span> a = <span class="string">&quot;&lt;b&gt;&quot;</span>; ');
  expect(text).toContain('<span class="comment">// why</span>');
  expect(highlightCode('<b>', 'diff')).toBe('&lt;b&gt;');
});

test('a long page has its own contents, and the menu is open where the page stands', () => {
  const text = renderGuidePage('cli', '# One\n\n## Two\n\n### `Three`\n\n## Four\n');
  expect(text).toContain('<li class="h3"><a href="#three">Three</a></li>');
  expect(text.match(/<details open>/g)).toHaveLength(1);
  expect(renderGuidePage('cli', '# One\n\n## Two\n')).not.toContain('<aside');
});

test('the search finds a part of a page by its text, and leads to its heading', () => {
  const markdown = '# One\n\nBefore.\n\n## Where `it` is\n\n- the [word](a.md) **here**\n\n    npm start\n';
  expect(buildSearchIndex('folder/page', markdown)).toEqual([
    { page: 'folder/page', title: 'One', heading: 'One', anchor: 'one', text: 'Before.' },
    {
      page: 'folder/page',
      title: 'One',
      heading: 'Where it is',
      anchor: 'where-it-is',
      text: expect.stringContaining('the word here'),
    },
  ]);
});
