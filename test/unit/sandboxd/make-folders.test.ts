import { spawn } from 'node:child_process';
import { mkdir, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { makeFolders } from '../../../sandbox-images/sandboxd/files/byte-names.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

let root: string;
beforeEach(() => {
  root = folderOfTest();
});

test('missing parents are made, and folders that exist stay', async () => {
  const expected = join(root, 'a/b/c');
  await makeFolders(expected, 0o700);
  await makeFolders(expected);
  expect((await stat(expected)).mode & 0o777).toBe(0o700);
});

test('a file in the way is an error', async () => {
  await writeFile(join(root, 'file'), '');
  await expect(makeFolders(join(root, 'file'))).rejects.toMatchObject({ code: 'EEXIST' });
  await expect(makeFolders(join(root, 'file/below'))).rejects.toMatchObject({ code: 'ENOTDIR' });
});

test('a folder that was removed while in use is an error, not a loop without end', async () => {
  const gone = join(root, 'gone');
  await mkdir(gone);
  const user = spawn('sleep', ['60'], { cwd: gone, stdio: 'ignore' });
  try {
    await rmdir(gone);
    await expect(makeFolders(`/proc/${user.pid}/cwd/a/b`)).rejects.toMatchObject({ code: 'ENOENT' });
  } finally {
    user.kill('SIGKILL');
  }
});
