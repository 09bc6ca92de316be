import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDataFolder } from '../../../src/storage/data-folder.ts';

test('a folder that the system cannot make is one error at once, also below /proc', () =>
  expect(() => openDataFolder('/proc/x/data')).toThrow('The data folder /proc/x/data cannot be made or written'));

test('a file in its place is named as one', () =>
  expect(() => openDataFolder('/dev/null')).toThrow('The data folder /dev/null is no folder'));

test('missing parents are made, for this user alone', () => {
  const root = mkdtempSync(join(tmpdir(), 'corral-data-'));
  openDataFolder(join(root, 'a/b'));
  expect(statSync(join(root, 'a/b')).mode & 0o777).toBe(0o700);
  writeFileSync(join(root, 'a/b/file'), '');
  expect(() => openDataFolder(join(root, 'a/b/file'))).toThrow('is no folder');
  rmSync(root, { recursive: true });
});
