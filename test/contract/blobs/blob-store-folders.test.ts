import { mkdirSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openLocalBlobs, openMountedBlobs } from '../../../src/storage/blobs/folder.ts';
import { temporaryFolder } from '../../support/stores/store.ts';
import { type BlobHarness, blobStoreContract, pieces } from './blob-store.ts';

async function inFolder(open: (root: string) => Promise<BlobHarness['blobs']>): Promise<BlobHarness> {
  const folder = temporaryFolder();
  const blobs = await open(folder.path);
  return {
    blobs,
    everything: async () =>
      readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).filter(isFile(folder.path)).sort(),
    [Symbol.asyncDispose]: async () => folder[Symbol.dispose](),
  };
}
const isFile = (root: string) => (path: string) => statSync(join(root, path)).isFile();

blobStoreContract('local', () => inFolder((root) => openLocalBlobs(join(root, 'made'), 0)));
blobStoreContract('volume', () => inFolder((root) => openMountedBlobs(root, 0)));

test('a volume that is not mounted is refused, and its folder is not made', async () => {
  using folder = temporaryFolder();
  const missing = join(folder.path, 'mnt');
  await expect(openMountedBlobs(missing, 0)).rejects.toMatchObject({
    publicMessage: expect.stringContaining('mounted'),
  });
  expect(readdirSync(folder.path)).toEqual([]);
});

test('blobs and their folders are for their owner alone', async () => {
  using folder = temporaryFolder();
  const blobs = await openLocalBlobs(join(folder.path, 'b'), 0);
  await blobs.put('mine', pieces('x'), { maxBytes: 10, signal: new AbortController().signal });
  const modes = readdirSync(folder.path, { recursive: true, encoding: 'utf8' }).map(
    (path) => statSync(join(folder.path, path)).mode & 0o077,
  );
  expect(modes.length).toBeGreaterThan(3);
  expect(new Set(modes)).toEqual(new Set([0]));
});

test('a start removes the incomplete files of a killed server and keeps recent ones', async () => {
  using folder = temporaryFolder();
  const incoming = join(folder.path, 'incoming');
  mkdirSync(incoming);
  for (const name of ['old', 'young']) writeFileSync(join(incoming, name), 'half');
  utimesSync(join(incoming, 'old'), 1_000, 1_000);
  utimesSync(join(incoming, 'young'), 9_000, 9_000);
  await openLocalBlobs(folder.path, 9_000_000);
  expect(readdirSync(incoming)).toEqual(['young']);
});

test('a missing folder is reported', async () => {
  using folder = temporaryFolder();
  const blobs = await openLocalBlobs(join(folder.path, 'b'), 0);
  rmSync(join(folder.path, 'b'), { recursive: true });
  await expect(blobs.check(new AbortController().signal)).rejects.toMatchObject({ code: 'store_unavailable' });
});
