import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleServer } from '../../../src/app/bundle-server.ts';
import { isNewer } from '../runner/is-newer.ts';

const folder = 'node_modules/.cache/corral-server';
const stamp = join(folder, '.built');
const program = 'test/support/servers/main.ts';
const sources = [
  '{src,drivers,machines}/**/*.{ts,json}',
  'test/support/memory-driver/*.ts',
  'scripts/bundle-*.ts',
  'package-lock.json',
];

/**
 * Bundles the server once for all tests that start it as a process: what they start is what the image runs, with the
 * fake driver, and it starts in half the time. Vitest calls this before the first test.
 */
export async function setup(): Promise<void> {
  if (!isNewer(stamp, sources)) {
    const draft = `${folder}-${process.pid}`;
    await bundleServer(draft, program);
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
    await writeFile(stamp, '');
  }
  process.env.TEST_SERVER = join(folder, 'main.js');
}

/** The program of the server: the bundle, or the sources where a test runs without one. */
export const serverProgram = (): string => process.env.TEST_SERVER ?? program;
