// Builds the page for browsers into a folder: node scripts/bundle-page.ts [page]
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/ui', import.meta.url));
const entries = { app: 'app/main.tsx' };

/**
 * Bundles `src/ui` into scripts and styles whose names contain a hash of their content, and an `index.html` that names
 * them. Nothing in them comes from another site.
 */
export async function bundlePage(outdir: string): Promise<void> {
  const { build } = await import('esbuild'); // loaded here, because only a bundle run needs it
  const { metafile } = await build({
    entryPoints: Object.fromEntries(Object.entries(entries).map(([name, file]) => [name, join(source, file)])),
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
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  await mkdir(outdir, { recursive: true });
  const made = Object.keys(metafile.outputs).map((path) => basename(path));
  const named = (name: string, ending: string) => {
    const file = made.find((one) => one.startsWith(`${name}-`) && one.endsWith(ending));
    if (file === undefined) throw new Error(`The bundle of the page has no ${name}${ending}.`);
    return `/static/${file}`;
  };
  const template = await readFile(join(source, 'app/index.html'), 'utf8');
  const page = template.replace('/static/app.js', named('app', '.js')).replace('/static/app.css', named('app', '.css'));
  await writeFile(join(outdir, 'index.html'), page);
  await writeFile(join(outdir, 'icon.svg'), await readFile(join(source, 'icon.svg')));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outdir = process.argv[2] ?? fileURLToPath(new URL('../page', import.meta.url));
  await bundlePage(outdir);
  console.log(`bundled ${outdir}`);
}
