import { spawnSync } from 'node:child_process';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { DockerBuildContext } from '../../../src/cli/commands/server/templates.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

async function context(files: Readonly<Record<string, string>>) {
  const folder = temporaryFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder.path, path)), { recursive: true });
    await writeFile(join(folder.path, path), text);
  }
  const open = await DockerBuildContext.open(folder.path);
  /** The names that tar finds in the archive. */
  const names = async (source: string) => {
    const { hash, archive } = await open.files(source);
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const pieces: Uint8Array[] = [];
    for await (const piece of archive() as AsyncIterable<Uint8Array>) pieces.push(piece);
    const { stdout } = spawnSync('tar', ['-tf', '-'], { input: Buffer.concat(pieces), encoding: 'utf8' });
    return stdout.split('\n').filter(Boolean).sort();
  };
  return { path: folder.path, open, names };
}

test('an archive has what a COPY takes and nothing else, with long names and links', async () => {
  const long = `src/${'a'.repeat(120)}/ü.txt`;
  const { names, path } = await context({ 'src/x.js': '1', 'src/y.ts': '2', [long]: '3', 'other.txt': '4' });
  await symlink('x.js', join(path, 'src/link'));
  expect(await names('src/x.js')).toEqual(['src/x.js']);
  expect(await names('src/*.js')).toEqual(expect.arrayContaining(['src/', 'src/x.js', 'src/y.ts', 'src/link']));
  expect((await names('.')).some((name) => name.includes('a'.repeat(120)))).toBe(true);
  expect(await names('src')).not.toContain('other.txt');
});

test('a hash follows content and names, and not the time', async () => {
  const { open, path } = await context({ 'a/x': '1' });
  const first = (await open.files('a')).hash;
  await writeFile(join(path, 'a/x'), '1');
  expect((await open.files('a')).hash).toBe(first);
  await writeFile(join(path, 'a/x'), '2');
  expect((await open.files('a')).hash).not.toBe(first);
});

test('.dockerignore leaves out files, and the last rule that fits counts', async () => {
  const { names } = await context({
    '.dockerignore': '# packages\nnode_modules\n**/*.log\n!keep.log\n/secret*\n',
    'node_modules/x/i.js': '',
    'a/b.log': '',
    'keep.log': '',
    secrets: '',
    'a/c.txt': '',
  });
  expect(await names('.')).toEqual(['.dockerignore', 'a/', 'a/c.txt', 'keep.log']);
});

test('a source that leads out, or to nothing, is refused', async () => {
  const { open } = await context({ x: '' });
  await expect(open.files('../x')).rejects.toThrow(/leads out/);
  await expect(open.files('none')).rejects.toThrow(/does not exist in/);
});
