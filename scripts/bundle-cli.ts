import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'esbuild';

/** The command `corral` as JavaScript that any Node from 20 on runs, without packages: `corral.js` and parts that it loads on use. */
export async function bundleCli(outdir: string): Promise<void> {
  await build({
    entryPoints: { corral: 'src/cli/main.ts' },
    outdir,
    chunkNames: 'cli/[name]-[hash]', // the library that draws on terminals loads where it is used
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
