import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../../..');
const flag = '--tags-filter=!';

/**
 * The files of `test/` whose first line gives them a tag that this run leaves out. Vitest would load each of them to
 * skip all of its tests. A run of named files or tests leaves out none, and reports them as skipped.
 */
export function taggedFiles(args: readonly string[]): string[] {
  const tags = args.filter((arg) => arg.startsWith(flag)).map((arg) => arg.slice(flag.length));
  if (tags.length === 0 || args.slice(3).some((arg) => !arg.startsWith('--'))) return [];
  const lines = new Set(tags.map((tag) => `// @module-tag ${tag}`));
  return globSync('test/**/*.test.ts', { cwd: root }).filter((file) => {
    const text = readFileSync(resolve(root, file), 'utf8');
    return lines.has(text.slice(0, text.indexOf('\n')));
  });
}
