// `npm run build`, which `npm pack` runs: puts everything that the package needs into dist, as JavaScript. Types are
// stripped from each server file. The command `corral` is bundled for Node 20 and later.
import { execFile } from 'node:child_process';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import packageJson from '../package.json' with { type: 'json' };
import { describeCommands } from '../src/app/commands/list.ts';
import { bundleSandboxd } from '../src/app/images/bundle-sandboxd.ts';
import { bundlePage } from '../src/app/page/bundle-page.ts';
import { bundleCli } from './bundle-cli.ts';

const run = promisify(execFile);
const out = 'dist';
const folders = ['src', 'machines', 'drivers', 'sandbox-images', 'docs'];
const { name, version, type } = packageJson;
const json = (value: unknown) => `${JSON.stringify(value, undefined, 2)}\n`;

await mkdir(out, { recursive: true });
for (const created of await readdir(out)) {
  if (created !== 'client') await rm(join(out, created), { recursive: true, force: true }); // the client's own package
}
// Only tsc can generate the client's type declarations.
await run(process.execPath, ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.client.json']);
for (const folder of folders) await buildFolder(folder);
await buildFile('src/app/images/bundle-sandboxd.ts');
await buildFile('src/app/page/bundle-page.ts');
await bundlePage(join(out, 'page'));
await bundleSandboxd(join(out, 'sandbox-images/sandboxd.mjs'));
await writeFile(join(out, 'package.json'), json({ name, version, type })); // the server reads its version there
await writeFile(join(out, 'server-commands.json'), json(await describeCommands()));
await bundleCli(out);

async function buildFolder(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    // the page is bundled, except for the files of the desktop's own page
    if (/\bsrc[/]web(?![/]desktop$)/.test(entry.parentPath)) continue;
    if (entry.isFile()) await buildFile(join(entry.parentPath, entry.name));
  }
}

async function buildFile(file: string): Promise<void> {
  const target = join(out, file);
  await mkdir(dirname(target), { recursive: true });
  if (!file.endsWith('.ts')) return await copyFile(file, target);
  const code = stripTypeScriptTypes(await readFile(file, 'utf8'));
  const imports = /((?:\bfrom|\bimport|\bimport\()\s*)'([.]{1,2}\/[^']+)[.]ts'/g;
  await writeFile(target.replace(/ts$/, 'js'), code.replaceAll(imports, "$1'$2.js'"));
}
