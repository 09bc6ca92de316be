// Bundles the web page into a folder. Usage: node src/app/page/bundle-page.ts [page]
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Metafile, Plugin } from 'esbuild';

const source = fileURLToPath(new URL('../../web', import.meta.url));
const pages: Readonly<Record<string, { entry: string; template: string; html: string }>> = {
  app: { entry: 'app/main.tsx', template: 'app/index.html', html: 'index.html' },
  shared: { entry: 'shared/main.tsx', template: 'shared/index.html', html: 'shared.html' },
  desktop: { entry: 'desktop/main.tsx', template: 'desktop/index.html', html: 'desktop.html' },
};
const kit = { entry: 'parts/kit/page.tsx', template: 'parts/kit/index.html', html: 'kit.html' };
/** Serves noVNC's files unchanged, the simplest way to comply with its licence. */
const servedNovnc: Plugin = {
  name: 'served-novnc',
  setup: (build) =>
    build.onResolve({ filter: /^@novnc[/]novnc$/ }, () => ({ path: '/static/novnc/core/rfb.js', external: true })),
};

export async function bundlePage(outdir: string, { isDevelopment = false } = {}): Promise<void> {
  const all = isDevelopment ? { ...pages, kit } : pages;
  const { build } = await import('esbuild'); // loaded here, because only bundling needs the package
  const options = {
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
    external: ['/static/*'],
  } as const satisfies BuildOptions;
  const define = { 'process.env.NODE_ENV': '"production"' };
  const parser = await build({ ...options, define, entryPoints: { parser: join(source, 'parsing/worker.ts') } });
  const address = addressIn(parser.metafile, 'parser', '.js');
  await bundleDiagrams(options, outdir);
  const { metafile } = await build({
    ...options,
    entryPoints: Object.fromEntries(Object.entries(all).map(([name, { entry }]) => [name, join(source, entry)])),
    define: { ...define, PARSER_ADDRESS: JSON.stringify(address) },
  });
  await mkdir(outdir, { recursive: true });
  for (const [name, { template, html }] of Object.entries(all)) {
    const text = await readFile(join(source, template), 'utf8');
    const filled = ['.js', '.css'].reduce(
      (page, ending) => page.replace(`/static/${name}${ending}`, addressIn(metafile, name, ending)),
      text,
    );
    await writeFile(join(outdir, html), filled.replace('</head>', `${preloads(metafile, name)}</head>`));
  }
  await copyFile(join(source, 'icon.svg'), join(outdir, 'icon.svg'));
  const { resolve } = createRequire(import.meta.url);
  const font = '@fontsource-variable/inter/files/inter-latin-wght-normal.woff2';
  await copyFile(resolve(font), join(outdir, 'inter.woff2'));
  await copyApiDocs(join(outdir, 'api-docs'));
}

/** The frame has an opaque origin, so it cannot load module scripts. */
async function bundleDiagrams(options: BuildOptions, outdir: string): Promise<void> {
  const { build } = await import('esbuild');
  const entryPoints = { diagram: join(source, 'diagram/main.ts') };
  const { metafile } = await build({ ...options, splitting: false, format: 'iife', metafile: true, entryPoints });
  const text = await readFile(join(source, 'diagram/index.html'), 'utf8');
  await mkdir(outdir, { recursive: true });
  await writeFile(
    join(outdir, 'diagram.html'),
    text.replace('/static/diagram.js', addressIn(metafile, 'diagram', '.js')),
  );
}

async function copyApiDocs(outdir: string): Promise<void> {
  const { resolve } = createRequire(import.meta.url);
  await mkdir(outdir, { recursive: true });
  for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png'])
    await copyFile(resolve(`swagger-ui-dist/${name}`), join(outdir, name));
  const redoc = await readFile(resolve('redoc/bundles/redoc.standalone.js'), 'utf8');
  // ReDoc would load its vendor's logo from a content delivery network.
  const offline = redoc.replaceAll('https://cdn.redoc.ly/redoc/logo-mini.svg', 'data:,');
  await writeFile(join(outdir, 'redoc.standalone.js'), offline);
}

function preloads({ outputs }: Metafile, name: string): string {
  const requested = new Set<string>();
  const add = (path: string) => {
    for (const { path: needed, kind, external } of outputs[path]?.imports ?? []) {
      if (kind !== 'import-statement' || external === true || requested.has(needed)) continue;
      requested.add(needed);
      add(needed);
    }
  };
  for (const path of Object.keys(outputs)) {
    if (basename(path).startsWith(`${name}-`) && path.endsWith('.js')) add(path);
  }
  return [...requested].map((path) => `  <link rel="modulepreload" href="/static/${basename(path)}">\n  `).join('');
}

function addressIn({ outputs }: Metafile, name: string, ending: string): string {
  const files = Object.keys(outputs).map((path) => basename(path));
  const file = files.find((one) => one.startsWith(`${name}-`) && one.endsWith(ending));
  if (file === undefined) throw new Error(`The bundle of the page has no ${name}${ending}.`);
  return `/static/${file}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outdir = process.argv[2] ?? fileURLToPath(new URL('../../../page', import.meta.url));
  await bundlePage(outdir);
  console.log(`bundled ${outdir}`);
}
