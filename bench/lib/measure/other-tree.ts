import { readdirSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { here } from './against.ts';

// Loaded before a program of the bench that has Corral's parts in its own process: these come from the checkout in BENCH_TREE.
// A part that stands elsewhere there is found by the end of its path.

const own = join(here, 'src/');
const other = join(process.env.BENCH_TREE ?? here, 'src/');
const files = readdirSync(other, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

/** The number of parts that two paths have in common at their ends. */
function likeness(one: string, another: string): number {
  const [a, b] = [one.split('/').reverse(), another.split('/').reverse()];
  const end = a.findIndex((part, at) => part !== b[at]);
  return end < 0 ? a.length : end;
}

registerHooks({
  resolve(specifier, context, next) {
    const found = next(specifier, context);
    const path = found.url.startsWith('file:') ? fileURLToPath(found.url) : '';
    if (!path.startsWith(own)) return found;
    const wanted = path.slice(own.length);
    const [best] = files.toSorted((a, b) => likeness(b, wanted) - likeness(a, wanted) || (a < b ? -1 : 1));
    if (best === undefined || likeness(best, wanted) === 0) throw new Error(`${other} has no ${wanted}.`);
    return { ...found, url: pathToFileURL(join(other, best)).href };
  },
});
