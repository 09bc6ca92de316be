// `npm run docs:build`: writes the guide to dist/guide, for a web server that serves it at /guide.
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { guidePagePaths } from '../src/facades/guide/pages.ts';
import { renderGuidePage } from '../src/facades/guide/render.ts';
import { buildSearchIndex } from '../src/facades/guide/search-index.ts';

const out = 'dist/guide';
for (const path of guidePagePaths) {
  const file = path === 'index' ? join(out, 'index.html') : join(out, path, 'index.html');
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, renderGuidePage(path, await readFile(`docs/${path}.md`, 'utf8')));
}
for (const file of ['guide.css', 'guide.js']) await copyFile(join('src/facades/guide', file), join(out, file));
const index = [...guidePagePaths].map(async (path) =>
  buildSearchIndex(path, await readFile(`docs/${path}.md`, 'utf8')),
);
await writeFile(join(out, 'search.json'), JSON.stringify((await Promise.all(index)).flat()));
console.log(`${guidePagePaths.size} pages in ${out}`);
