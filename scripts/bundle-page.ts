// Builds the page for browsers into a folder: node scripts/bundle-page.ts [page]
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

const source = fileURLToPath(new URL('../src/ui', import.meta.url));
/** Each page: its entry, and the HTML that names its files. */
const pages = {
  app: { entry: 'app/main.tsx', template: 'app/index.html', html: 'index.html' },
  shared: { entry: 'shared/main.tsx', template: 'shared/index.html', html: 'shared.html' },
  desktop: { entry: 'desktop/main.tsx', template: 'desktop/index.html', html: 'desktop.html' },
};
/** The server sends noVNC's files unchanged, as its licence is simplest to keep; the bundle only names them. */
const servedNovnc: Plugin = {
  name: 'served-novnc',
  setup: (build) =>
    build.onResolve({ filter: /^@novnc[/]novnc$/ }, () => ({ path: '/static/novnc/core/rfb.js', external: true })),
};

/**
 * Bundles `src/ui` into scripts and styles whose names contain a hash of their content, and HTML files that name them.
 * Nothing in them comes from another site.
 */
export async function bundlePage(outdir: string): Promise<void> {
  const { build } = await import('esbuild'); // loaded here, because only a bundle run needs it
  const { metafile } = await build({
    entryPoints: Object.fromEntries(Object.entries(pages).map(([name, { entry }]) => [name, join(source, entry)])),
    tsconfig: join(source, 'tsconfig.json'),
    outdir,
    entryNames: '[name]-[hash]',
    chunkNames: 'part-[hash]',
    assetNames: '[name]-[hash]',
    bundle: true,
    splitting: true,
    minify: true,
    metafile: true,
    platform: 'browser',
    target: ['es2022'],
    format: 'esm',
    logLevel: 'warning',
    plugins: [servedNovnc],
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  await mkdir(outdir, { recursive: true });
  const made = Object.keys(metafile.outputs).map((path) => basename(path));
  const named = (name: string, ending: string) => {
    const file = made.find((one) => one.startsWith(`${name}-`) && one.endsWith(ending));
    if (file === undefined) throw new Error(`The bundle of the page has no ${name}${ending}.`);
    return `/static/${file}`;
  };
  for (const [name, { template, html }] of Object.entries(pages)) {
    const text = await readFile(join(source, template), 'utf8');
    const filled = ['.js', '.css'].reduce(
      (page, ending) => page.replace(`/static/${name}${ending}`, named(name, ending)),
      text,
    );
    await writeFile(join(outdir, html), filled);
  }
  await writeFile(join(outdir, 'icon.svg'), await readFile(join(source, 'icon.svg')));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outdir = process.argv[2] ?? fileURLToPath(new URL('../page', import.meta.url));
  await bundlePage(outdir);
  console.log(`bundled ${outdir}`);
}
