import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** Bundles the command `corral` for Node 20 and later, without packages: `corral.js` and chunks loaded on use. */
export async function bundleCli(outdir: string): Promise<void> {
  await build({
    entryPoints: { corral: 'src/cli/main.ts' },
    outdir,
    chunkNames: 'cli/[name]-[hash]', // the library that draws on terminals is loaded on use
    splitting: true,
    bundle: true,
    external: ['react-devtools-core'],
    define: { 'process.env.NODE_ENV': '"production"' },
    platform: 'node',
    target: 'node20',
    format: 'esm',
    logLevel: 'warning',
    keepNames: true,
    banner: {
      js: "#!/usr/bin/env node\nimport { createRequire } from 'node:module';\nconst require = createRequire(import.meta.url);",
    },
  });
  await chmod(join(outdir, 'corral.js'), 0o755);
}
