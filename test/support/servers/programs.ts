import { createHash } from 'node:crypto';
import { mkdir, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { bundleSandboxd } from '../../../src/app/images/bundle-sandboxd.ts';

const images = join(import.meta.dirname, '../../../sandbox-images');
let bundle: Promise<string> | undefined;

// The path is the same in every run, so that killed programs leave no new files.
async function makeBundle(): Promise<string> {
  const tree = createHash('sha256').update(images).digest('hex').slice(0, 8); // each checkout has its own daemon
  const folder = join(tmpdir(), `corral-test-programs-${process.getuid?.()}-${tree}`);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const draft = join(folder, `.${process.pid}.mjs`);
  await bundleSandboxd(draft);
  const outfile = join(folder, 'sandboxd.mjs');
  await rename(draft, outfile); // programs that run the previous file keep it
  return outfile;
}

/** The programs of the tests' sandboxes: this Node, and the daemon from the current tree. */
export const programs = {
  node: process.execPath,
  init: join(images, 'init.sh'),
  sudo: join(images, 'sudo'),
  browserPolicy: join(images, 'browser-policy.json'),
  daemon: () => {
    bundle ??= makeBundle();
    return bundle;
  },
};
