// @module-tag all
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundlePage } from '../../../src/app/page/bundle-page.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

/** The files that a page loads before it shows anything: those that its HTML names, and what they import at once. */
async function firstLoad(folder: string, html: string): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  async function read(name: string): Promise<void> {
    if (found.has(name)) return;
    const bytes = await readFile(join(folder, name));
    found.set(name, bytes);
    const imports = name.endsWith('.html') ? /\/static\/([\w.-]+)/g : /(?:from|import)\s*"\.\/([\w.-]+)"/g;
    for (const [, next = ''] of bytes.toString().matchAll(imports)) await read(next);
  }
  await read(html);
  return found;
}

test('the first load of the page is at most 300 kB compressed, without terminal, highlighter and other languages', async () => {
  using folder = temporaryFolder();
  await bundlePage(folder.path);
  const files = await firstLoad(folder.path, 'index.html');
  const size = [...files.values()].reduce((sum, bytes) => sum + gzipSync(bytes, { level: 9 }).length, 0);
  expect(files.size).toBeGreaterThan(3);
  expect(size).toBeLessThan(300_000);
  const scripts = [...files].flatMap(([name, bytes]) => (name.endsWith('.js') ? [bytes.toString()] : []));
  for (const later of ['xterm-screen', 'hljs-', 'Neue Sitzung']) {
    expect(
      scripts.some((text) => text.includes(later)),
      later,
    ).toBe(false);
  }
});
