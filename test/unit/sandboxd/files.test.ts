import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createConfinedPaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { createFileOperations } from '../../../sandbox-images/sandboxd/files/files.ts';
import { toRipgrepPattern } from '../../../sandbox-images/sandboxd/files/search.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

test('F124 a file that becomes shorter while it is read is an error, and never looks whole', async () => {
  const folder = folderOfTest();
  const path = join(folder, 'log.txt');
  await writeFile(path, 'x'.repeat(600_000));
  await using file = await createFileOperations(await createConfinedPaths(folder)).openFile('log.txt', undefined);
  let seen = 0;
  const reading = (async () => {
    for await (const chunk of file.chunks) {
      if (seen === 0) await truncate(path, 400_000);
      seen += chunk.length;
    }
  })();
  await expect(reading).rejects.toMatchObject({ code: 'conflict' });
  expect([file.size, seen]).toEqual([600_000, 400_000]);
});

test.each([
  ['Flask(\\(| is)', 'Flask(\\(| is)'],
  ['[[:digit:]]{2,3}x{4}y{5,}', '[[:digit:]]{2,3}x{4}y{5,}'],
  ['[^[]', '[^\\[]'],
  ['[[]x', '[\\[]x'],
  ['[]a[:alpha:][]', '[]a[:alpha:]\\[]'],
  ['[a&&b~~c]', '[a\\&\\&b\\~\\~c]'],
  ['[\\]]', '[\\]]'],
  ['if (x) {', 'if (x) \\{'],
  ['a{}', 'a\\{}'],
  ['a{b,c}', 'a\\{b,c}'],
  ['\\{1}', '\\{1}'],
  ['\\p{Greek}\\d', '\\p{Greek}\\d'],
  ['[', '['],
  ['(', '('],
])('%j becomes %j', (posix, expected) => expect(toRipgrepPattern(posix)).toBe(expected));
