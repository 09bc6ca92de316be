// Builds the single file that every sandbox runs. Usage: node src/app/images/bundle-sandboxd.ts [dist/sandboxd.mjs]
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'esbuild';

export async function bundleSandboxd(outfile: string): Promise<void> {
  const { build } = await import('esbuild'); // loaded here, because only bundling needs the package
  await build({
    entryPoints: [fileURLToPath(new URL('../../../sandbox-images/sandboxd/main.ts', import.meta.url))],
    outfile,
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    target: 'node24',
    format: 'esm',
    logLevel: 'warning',
    plugins: [lazyBuiltins],
  });
}

// Importing node:http reads all its exports, which loads Node's fetch. Avoiding that saves 20 ms and 5 MB per sandbox.
const lazyBuiltins: Plugin = {
  name: 'lazy-builtins',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^node:/ }, ({ path }) => ({ path, namespace: 'builtin' }));
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => {
      const builtin = `process.getBuiltinModule(${JSON.stringify(path)})`;
      const read = (name: string) =>
        usedLate.has(path) ? `(...args) => ${builtin}.${name}(...args)` : `${builtin}.${name}`;
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter((name) => !unreadable.has(name));
      // Marked as pure, so that esbuild drops unused calls.
      return {
        contents: names.map((name) => `export const ${name} = /* @__PURE__ */ (() => ${read(name)})();`).join('\n'),
      };
    });
  },
};

/** Modules that load on first use, because the daemon calls none of their functions at startup. */
const usedLate = new Set(['node:crypto', 'node:zlib', 'node:readline']);
/** Exports with reserved names are left out. */
const unreadable = new Set(['default', 'delete']);

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const outfile = process.argv[2] ?? fileURLToPath(new URL('../../../dist/sandboxd.mjs', import.meta.url));
  await bundleSandboxd(outfile);
  console.log(`bundled ${outfile}`);
}
