import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createConfinedPaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

// A second mount of the workspace needs rights that a test lacks, so a link takes its place here. test/job/e2b has the
// mounts.
async function workspace() {
  const folder = folderOfTest();
  const at = (name: string) => join(folder, name);
  for (const name of ['workspace', 'other']) await mkdir(at(name));
  await symlink(at('workspace'), at('alias'));
  await writeFile(at('workspace/a'), 'mine');
  await writeFile(at('other/secret'), 'not mine');
  return at;
}

test("the workspace's second name leads to the same files", async () => {
  const at = await workspace();
  const place = await createConfinedPaths(at('workspace'), at('alias'));
  expect([place.locate(at('alias/b/c')), place.locate(at('alias')), place.locate('x')]).toEqual(['b/c', '', 'x']);
  await using file = await place.open(at('alias/a'));
  expect([await place.whereIs(file), (await file.readFile()).toString()]).toEqual(['a', 'mine']);
});

test('a link inside that names the second path stays inside', async () => {
  const at = await workspace();
  await symlink(at('alias/a'), at('workspace/link'));
  const place = await createConfinedPaths(at('workspace'), at('alias'));
  await using file = await place.open('link');
  expect(await place.whereIs(file)).toBe('a');
});

test.each([
  ['another folder', 'other'],
  ['nothing', 'none'],
])('a second name that leads to %s opens nothing', async (_what, name) => {
  const at = await workspace();
  const place = await createConfinedPaths(at('workspace'), at(name));
  expect(place.roots).toEqual([at('workspace')]);
  expect(() => place.locate(at(`${name}/secret`))).toThrow('outside');
  await symlink(at('other/secret'), at('workspace/link'));
  await expect(place.open('link')).rejects.toMatchObject({ code: 'path_outside' });
});

test('no path leads out through the second name, not even next to it', async () => {
  const at = await workspace();
  await mkdir(at('alias-of-another'));
  const place = await createConfinedPaths(at('workspace'), at('alias'));
  for (const path of [at('alias/../other/secret'), at('alias-of-another/x'), `${at('alias')}/../..`, '/etc/passwd'])
    expect(() => place.locate(path)).toThrow('outside');
});
