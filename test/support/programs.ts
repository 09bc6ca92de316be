import { createHash } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleSandboxd } from '../../scripts/bundle-sandboxd.ts';

const images = join(import.meta.dirname, '../../sandbox-images');
let bundle: Promise<string> | undefined;

// The same place each time, so that programs that are killed leave nothing new behind.
async function makeBundle(): Promise<string> {
  const tree = createHash('sha256').update(images).digest('hex').slice(0, 8); // another checkout has another daemon
  const folder = join(tmpdir(), `corral-test-programs-${process.getuid?.()}-${tree}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `.${process.pid}.mjs`);
  await bundleSandboxd(draft);
  const outfile = join(folder, 'sandboxd.mjs');
  await rename(draft, outfile); // whoever runs the one before keeps it
  return outfile;
}

/** What sandboxes run on in tests: this very Node, and the daemon as it is in the tree now. */
export const programs = {
  node: process.execPath,
  init: join(images, 'init.sh'),
  browserPolicy: join(images, 'browser-policy.json'),
  daemon: () => {
    bundle ??= makeBundle();
    return bundle;
  },
};
