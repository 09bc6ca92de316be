import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { unusedDisplayNumber } from '../../../../sandbox-images/sandboxd/desktop/display.ts';

const all = Array.from({ length: 9_900 }, (_, at) => 100 + at);

test('a display takes a number whose socket no other display has, however few are left', {
  tags: ['all'],
}, async () => {
  await using folder = await temporaryFolder();
  const free = new Set(all.filter((number) => number % 20 === 0));
  for (const number of all) if (!free.has(number)) await writeFile(join(folder.path, `X${number}`), '');

  for (let times = 0; times < 50; times++) expect(free).toContain(await unusedDisplayNumber(folder.path));
});

test('a machine that never had a display has every number', async () =>
  expect(all).toContain(await unusedDisplayNumber('/tmp/no-such-folder-of-displays')));

async function temporaryFolder() {
  const path = await mkdtemp(join(tmpdir(), 'corral-displays-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}
