import { mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { imageContext } from '../../../src/app/images/image.ts';

test('a build still reads its open files while another build replaces them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'corral-image-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'sandboxd.mjs'), 'daemon');
  await writeFile(join(folder, 'Dockerfile'), 'earlier');
  await using opened = await open(join(folder, 'Dockerfile'));
  await imageContext(async () => join(folder, 'sandboxd.mjs'));
  expect(await opened.readFile('utf8')).toBe('earlier');
  expect(await readFile(join(folder, 'Dockerfile'), 'utf8')).toContain('FROM');
});
