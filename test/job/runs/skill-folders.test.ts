// @module-tag nightly
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { packedCli } from '../../support/servers/packed-cli.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const skillMd = (name: string) => `---\nname: ${name}\ndescription: For ${name}.\n---\nRun the script of ${name}.\n`;

const broken: readonly [folder: string, files: Record<string, string>, says: string][] = [
  ['no-beginning', { 'SKILL.md': '# Hello\n' }, 'must begin with a line ---'],
  ['no-file', { 'README.md': 'Hello' }, 'SKILL.md'],
  ['other-name', { 'SKILL.md': skillMd('another-name') }, 'name is another-name, and its folder is other-name'],
  ['Capitals', { 'SKILL.md': skillMd('Capitals') }, 'name must have 1 to 64 of a-z, 0-9 and single hyphens'],
  ['no-words', { 'SKILL.md': '---\nname: no-words\n---\nHi\n' }, 'description is missing'],
];

function write(root: string, folder: string, files: Readonly<Record<string, string>>): string {
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  return join(root, folder);
}

test('skill check and skill upload refuse a broken folder with what is wrong, and take a good one', async () => {
  using folder = temporaryFolder();
  await using cli = await packedCli();
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const corral = (...args: string[]) => cli.run(['skill', ...args], { env: { CORRAL_URL: server.url } });
  for (const [name, files, says] of broken) {
    const path = write(folder.path, name, files);
    const checked = await corral('check', path);
    expect([name, checked.code, checked.stdout]).toEqual([name, 1, expect.stringContaining(`problem: `)]);
    expect(checked.stdout).toContain(says);
    const uploaded = await corral('upload', path);
    expect([name, uploaded.code, uploaded.stderr]).toEqual([name, 1, expect.stringContaining(says)]);
  }
  expect((await corral('ls', '--json')).stdout).toBe('');
  const files = { 'SKILL.md': skillMd('count-lines'), 'resources/list.txt': 'one\n' };
  const path = write(folder.path, 'count-lines', files);
  const checked = await corral('check', path);
  expect([checked.code, checked.stdout]).toEqual([0, 'count-lines can be uploaded.\n']);
  expect((await corral('upload', path)).stdout).toContain('count-lines@1');
});
