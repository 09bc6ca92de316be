import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleSandboxd } from '../../scripts/bundle-sandboxd.ts';

const images = join(import.meta.dirname, '../../sandbox-images');
let bundle: Promise<string> | undefined;

async function makeBundle(): Promise<string> {
  const folder = join(tmpdir(), `corral-test-${process.pid}`);
  await mkdir(folder, { recursive: true });
  const outfile = join(folder, 'sandboxd.mjs');
  await bundleSandboxd(outfile);
  return outfile;
}

/** What sandboxes run on in tests: this very Node, and the daemon as it is in the tree now. */
export const programs = {
  node: process.execPath,
  init: join(images, 'init.sh'),
  daemon: () => (bundle ??= makeBundle()),
};
