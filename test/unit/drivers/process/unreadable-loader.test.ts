import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { unreadableLoader } from '../../../../drivers/process/launch.ts';

const copyIn = (folder: string) =>
  unreadableLoader(folder, { program: process.execPath, asRoot: true }, AbortSignal.timeout(60_000));

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

test('a copy through which no program starts is not used, and one that replaces it is', async () => {
  const [good, other] = [await copyIn(await emptyFolder()), await emptyFolder()];
  const bad = join(other, basename(good ?? ''));
  await writeFile(bad, 'no loader', { mode: 0o755 });
  expect(await copyIn(other)).toBeUndefined();
  await rm(bad);
  expect(await copyIn(other)).toBe(bad);
});
