import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { unreadableLoader } from '../../../../drivers/process/unreadable-loader.ts';

const copyIn = (folder: string) =>
  unreadableLoader(folder, { program: process.execPath, asRoot: true }, AbortSignal.timeout(10_000));

async function emptyFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'corral-loader-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

test('sandboxes that start at once, first of all, share one copy', async () => {
  const folder = await emptyFolder();
  const copies = new Set(await Promise.all(Array.from({ length: 8 }, () => copyIn(folder))));
  expect([...copies].map((path) => basename(path ?? ''))).toEqual(await readdir(folder));
});
