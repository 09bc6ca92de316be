import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const flag = '--tags-filter=!';

/**
 * The files of `test/` whose first line gives them a tag that this run leaves out. Vitest would load each of them to
 * skip all of its tests. A run of only named files or tests leaves out none, and reports them as skipped.
 */
export function taggedFiles(args: readonly string[]): string[] {
  const tags = args.filter((arg) => arg.startsWith(flag)).map((arg) => arg.slice(flag.length));
  const named = args.slice(3).filter((arg) => !arg.startsWith('--'));
  if (tags.length === 0 || (named.length > 0 && !named.some((arg) => arg.endsWith('/')))) return [];
  const lines = new Set(tags.map((tag) => `// @module-tag ${tag}`));
  return globSync('test/**/*.test.ts', { cwd: root }).filter((file) => {
    const text = readFileSync(resolve(root, file), 'utf8');
    return lines.has(text.slice(0, text.indexOf('\n')));
  });
}
