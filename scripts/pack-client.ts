// `npm run pack:client`: packs the typed client as its own package, corral-<version>.tgz. The package depends only on
// what the client imports. A program that only calls a server then installs a few packages instead of hundreds.
import { execFile } from 'node:child_process';
import { cp, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import root from '../package.json' with { type: 'json' };

const run = promisify(execFile);
const folder = 'dist/client';
const { name, version, license, type, engines } = root;
const files = ['dist/src/client/*.js', 'dist/src/core/text/stream-frames.js', 'dist/src/**/*.d.ts'];
const { types, default: code } = root.exports['./client'];
const needed = ['@trpc/client', '@trpc/server', 'zod'] as const;

const packageJson = {
  name,
  version,
  license,
  type,
  files,
  engines,
  description: 'The typed client of a Corral server.',
  exports: { './client': { types, default: code } },
  dependencies: Object.fromEntries(needed.map((one) => [one, root.dependencies[one]])),
};

await rm(folder, { recursive: true, force: true });
await mkdir(folder, { recursive: true });
const tsc = 'node_modules/typescript/bin/tsc';
await run(process.execPath, [tsc, '-p', 'tsconfig.client.json', '--outDir', join(folder, 'dist')]);
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
console.log(join(to, stdout.trim()));
