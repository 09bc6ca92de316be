import { readdirSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { thisCheckout } from './against.ts';

// Loaded before a bench program that runs Corral's modules in its own process; takes those modules from the checkout in
// BENCH_TREE. A module that has moved there is found by the end of its path.

const folders = ['src', 'drivers', 'machines', 'sandbox-images', 'test'];
const other = process.env.BENCH_TREE ?? thisCheckout;
const files = folders.flatMap((folder) =>
  readdirSync(join(other, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => `${folder}/${file}`),
);

function likeness(one: string, another: string): number {
  const [a, b] = [one.split('/').reverse(), another.split('/').reverse()];
  const end = a.findIndex((part, at) => part !== b[at]);
  return end < 0 ? a.length : end;
}

/** Exports that bench programs import, with their names in older checkouts. */
const formerNames = {
  buildHttpServer: 'httpServer',
  createCertificateAuthority: 'egressAuthority',
  createIdSource: 'randomIds',
  createInMemoryStore: 'memoryStore',
  createSessionRecord: 'newSession',
  defineDriver: 'describeDriver',
  openSandboxFolders: 'openFolders',
  openServerCore: 'compose',
  openSqliteStore: 'sqliteStore',
};

/** Re-exports a module's former names under their current names. */
function aliasesFor(source: string): string {
  const exported = (name: string) =>
    new RegExp(`^export (?:async )?(?:function|const|class) ${name}\\b`, 'm').test(source);
  const lacking = Object.entries(formerNames).filter(([name, former]) => exported(former) && !exported(name));
  return lacking.map(([name, former]) => `\nexport { ${former} as ${name} };`).join('');
}

registerHooks({
  load(url, context, next) {
    const found = next(url, context);
    if (!url.startsWith(pathToFileURL(`${other}/`).href) || url.includes('/node_modules/')) return found;
    const source = String(found.source);
    return { ...found, source: source + aliasesFor(source) };
  },
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const target = found.url.startsWith('file:') ? relative(thisCheckout, fileURLToPath(found.url)) : '';
    if (!folders.includes(target.split('/')[0] ?? '')) return found;
    const [best] = files.toSorted((a, b) => likeness(b, target) - likeness(a, target) || (a < b ? -1 : 1));
    const isThere = best !== undefined && likeness(best, target) > 0;
    if (!isThere && !target.startsWith('test/')) throw new Error(`${other} has no ${target}.`);
    return isThere ? { ...found, url: pathToFileURL(join(other, best)).href } : found;
  },
});
