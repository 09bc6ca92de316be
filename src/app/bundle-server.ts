// Bundles the server, which then starts twice as fast. Usage: node src/app/bundle-server.ts [folder]
import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));
const workers = [
  'storage/sqlite/worker',
  'agents/page-fetch/page-worker',
  'agents/tools/computer/scale-worker',
  'observability/watchdog-worker',
];
/** Packages that locate files relative to their own code, and `react-devtools-core`, which is not installed. */
const external = ['playwright-core', 'esbuild', 'ssh2', 'cpu-features', 'react-devtools-core'];

export async function bundleServer(folder: string, program = 'src/app/main.ts'): Promise<void> {
  const outdir = resolve(root, folder);
  await rm(outdir, { recursive: true, force: true });
  await bundle(outdir, program);
  // A shared chunk would be one more file to open at each startup.
  for (const name of workers) await bundle(outdir, `src/${name}.ts`);
  // Without this file, Node parses each script to determine its module type.
  await writeFile(join(outdir, 'package.json'), '{ "type": "module" }\n');
}

async function bundle(outdir: string, entryPoint: string): Promise<void> {
  const { build } = await import('esbuild'); // loaded here, because only bundling needs the package
  await build({
    absWorkingDir: root,
    outdir,
    external,
    entryPoints: [entryPoint],
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    splitting: true,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'error',
    legalComments: 'none',
    minifyWhitespace: true,
    lineLimit: 160,
    banner: {
      js: [
        "import { createRequire as makeRequire } from 'node:module';",
        'const require = makeRequire(import.meta.url);', // for CommonJS packages
        `const projectRoot = new URL(${JSON.stringify(`${relative(outdir, root)}/`)}, import.meta.url);`,
      ].join(' '),
    },
    plugins: [ownPlaces, lazyBuiltins, oneLanguage],
  });
}

/** Sets `import.meta.url` to the source file's URL, except in sources that start a worker next to the bundle. */
const ownPlaces: Plugin = {
  name: 'own-places',
  setup({ onLoad }) {
    onLoad({ filter: /\.ts$/ }, async ({ path }) => {
      const place = relative(root, path);
      if (place.startsWith('node_modules')) return undefined;
      const contents = await readFile(path, 'utf8');
      if (!contents.includes('import.meta.url') || contents.includes('new Worker(')) return undefined;
      const url = `new URL(${JSON.stringify(place)}, projectRoot).href`;
      return { contents: contents.replaceAll('import.meta.url', url), loader: 'ts', resolveDir: dirname(path) };
    });
  },
};

/** An ES import of these modules loads 2 MiB that an idle server never uses; `require` does not. */
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onLoad, onResolve }) {
    onResolve({ filter: /^(node:)?(http|crypto)$/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'lazy-builtin' } : undefined,
    );
    onLoad({ filter: /.*/, namespace: 'lazy-builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

/** Removes zod's fifty translations: Corral writes its own error messages. */
const oneLanguage: Plugin = {
  name: 'one-language',
  setup({ onLoad }) {
    onLoad({ filter: /zod\/v4\/locales\/index\.js$/ }, () => ({
      contents: "export { default as en } from './en.js';",
    }));
  },
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const folder = process.argv[2] ?? 'server';
  await bundleServer(folder);
  console.log(`bundled ${folder}`);
}
