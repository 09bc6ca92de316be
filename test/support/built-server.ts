import { existsSync, globSync, statSync } from 'node:fs';
import { rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bundleServer } from '../../scripts/bundle-server.ts';

const folder = 'node_modules/.cache/corral-server';
const stamp = join(folder, '.built');

/**
 * Bundles the server once for all tests that start it as a process: what they start is what the image runs, and it starts
 * in half the time. Vitest calls this before the first test.
 */
export async function setup(): Promise<void> {
  if (!isCurrent()) {
    const draft = `${folder}-${process.pid}`;
    await bundleServer(draft);
    await rm(folder, { recursive: true, force: true });
    await rename(draft, folder);
    await writeFile(stamp, '');
  }
  process.env.TEST_SERVER = join(folder, 'main.js');
}

function isCurrent(): boolean {
  if (!existsSync(stamp)) return false;
  const built = statSync(stamp).mtimeMs;
  const sources = globSync(['{src,drivers,machines}/**/*.{ts,json}', 'scripts/bundle-*.ts', 'package-lock.json']);
  return sources.every((file) => statSync(file).mtimeMs < built);
}

/** The program of the server: the bundle, or the sources where a test runs without one. */
export const serverProgram = (): string => process.env.TEST_SERVER ?? 'src/main.ts';
