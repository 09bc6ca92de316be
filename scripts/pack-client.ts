// `npm run pack:client`: packs the typed client and the command `corral` as their own package,
// corral-client-<version>.tgz. It depends only on the packages that the client imports, a few instead of hundreds.
import { execFile } from 'node:child_process';
import { cp, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import root from '../package.json' with { type: 'json' };
import { describeCommands } from '../src/app/commands/list.ts';
import { bundleCli } from './bundle-cli.ts';

const run = promisify(execFile);
const folder = 'dist/client';
const { name, version, license, type, engines } = root;
const files = [
  'dist/corral.js',
  'dist/cli/*.js',
  'dist/server-commands.json',
  'dist/src/client/index.js',
  'dist/src/**/*.d.ts',
];
const { types, default: code } = root.exports['./client'];
const needed = ['@trpc/client', '@trpc/server', 'zod'] as const;

const packageJson = {
  name,
  version,
  license,
  type,
  files,
  engines,
  description: 'The typed client of a Corral server, and the command corral.',
  bin: root.bin,
  exports: { './client': { types, default: code } },
  dependencies: Object.fromEntries(needed.map((one) => [one, root.dependencies[one]])),
};

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const tsc = 'node_modules/typescript/bin/tsc';
await run(process.execPath, [tsc, '-p', 'tsconfig.client.json', '--outDir', join(folder, 'dist')]);
await build({
  entryPoints: ['src/client/index.ts'],
  outfile: join(folder, code),
  allowOverwrite: true, // replaces what tsc wrote beside the types
  bundle: true,
  packages: 'external',
  platform: 'neutral',
  format: 'esm',
  target: 'es2022',
  logLevel: 'warning',
});
await bundleCli(join(folder, 'dist'));
// Lets `corral` recognize the server's commands and report that the server is not installed.
await writeFile(join(folder, 'dist/server-commands.json'), `${JSON.stringify(await describeCommands())}\n`);
await writeFile(join(folder, 'package.json'), `${JSON.stringify(packageJson, undefined, 2)}\n`);
await cp('LICENSE', join(folder, 'LICENSE'));
await cp('examples/watch-session/README.md', join(folder, 'README.md'));
const to = process.argv[2] ?? '.';
const { stdout } = await run('npm', [
  'pack',
  '--silent',
  '--no-update-notifier',
  '--pack-destination',
  to,
  `./${folder}`,
]);
const file = join(to, `corral-client-${version}.tgz`); // the server's package has the plain name
await rename(join(to, stdout.trim()), file);
console.log(file);
