import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { describeDetailFailures } from '../../http/errors/failure-docs.ts';
import { createRouteDescriber, type ReplyDoc } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { defineFacade } from '../shared/facade.ts';
import { docsFolder, guidePagePaths } from './pages.ts';
import type { SearchIndexEntry } from './search-index.ts';

export const guide = defineFacade({
  label: 'guide',
  audience: 'people: the documentation of this version, offline',
  tag: 'Server',
  paths: ['/guide'],
  documents: '`/guide`',
  routes: async () => [{ mount: mountGuide }],
});

const style = new URL('guide.css', import.meta.url);
const script = new URL('guide.js', import.meta.url);
const headers = {
  'content-security-policy':
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'cache-control': 'public, max-age=300',
};
const about = createRouteDescriber({ tag: 'Server', prefix: 'guide', failures: describeDetailFailures });
const open = { open: true, free: true } as const;
const SearchIndex = z.array(
  z.object({ page: z.string(), title: z.string(), heading: z.string(), anchor: z.string(), text: z.string() }),
);
const html: ReplyDoc = { description: 'The page', content: { 'text/html': { schema: z.string() } } };

/** The pages load nothing from other hosts. */
function mountGuide(app: App): void {
  const rendered = new Map<string, string>();
  const page = async (path: string) => {
    if (!guidePagePaths.has(path)) throw new AppError('not_found', 'The guide has no such page.');
    const known = rendered.get(path);
    if (known !== undefined) return known;
    const { renderGuidePage } = await import('./render.ts');
    const html = renderGuidePage(path, await readFile(new URL(`${path}.md`, docsFolder), 'utf8'));
    rendered.set(path, html);
    return html;
  };
  let index: Promise<SearchIndexEntry[]> | undefined;
  const assets = [
    ['/guide/guide.css', 'Style', 'text/css', z.string(), () => readFile(style, 'utf8')],
    ['/guide/guide.js', 'Script', 'text/javascript', z.string(), () => readFile(script, 'utf8')],
    ['/guide/search.json', 'Index', 'application/json', SearchIndex, () => (index ??= searchIndex())],
  ] as const;
  for (const [url, name, type, schema, content] of assets) {
    app.get(
      url,
      about(name, `The guide: ${name.toLowerCase()}`, {
        schema: { response: { 200: { description: name, content: { [type]: { schema } } } } },
        config: open,
        asset: true,
      }),
      async (_request, reply) =>
        reply
          .headers(headers)
          .type(`${type}; charset=utf-8`)
          .send(await content()),
    );
  }
  for (const [url, name] of [
    ['/guide', ''],
    ['/guide/:page', 'Page'],
    ['/guide/:folder/:page', 'FolderPage'],
  ] as const) {
    app.get(
      url,
      about(name, 'A page of the guide', {
        schema: {
          params: z.object({ folder: z.string().optional(), page: z.string().optional() }),
          response: { 200: html },
        },
        config: open,
        fails: [404],
        asset: true,
      }),
      async ({ params: { folder, page: last = 'index' } }, reply) =>
        reply
          .headers(headers)
          .type('text/html; charset=utf-8')
          .send(await page(folder === undefined ? last : `${folder}/${last}`)),
    );
  }
}

async function searchIndex(): Promise<SearchIndexEntry[]> {
  const { buildSearchIndex } = await import('./search-index.ts');
  const entries = await Promise.all(
    [...guidePagePaths].map(async (path) =>
      buildSearchIndex(path, await readFile(new URL(`${path}.md`, docsFolder), 'utf8')),
    ),
  );
  return entries.flat();
}
