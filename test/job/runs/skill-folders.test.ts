// @module-tag nightly
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { packedCli } from '../../support/servers/packed-cli.ts';
import { serverProcess } from '../../support/servers/server-process.ts';
import { settingsFolder } from '../../support/stores/store.ts';

test('skill check and skill upload refuse a broken folder with what is wrong, and take a good one', async () => {
  using files = settingsFolder({
    'no-file/README.md': 'Hello',
    'count-lines/SKILL.md': '---\nname: count-lines\ndescription: For lines.\n---\nRun the script.\n',
    'count-lines/resources/list.txt': 'one\n',
  });
  await using cli = await packedCli();
  await using server = await serverProcess({ CORRAL_DRIVER: 'memory' });
  const corral = (...args: string[]) => cli.run(['skill', ...args], { env: { CORRAL_URL: server.url } });
  const [wrong, path] = ['no-file', 'count-lines'].map((name) => join(files.path, name)) as [string, string];
  expect(await corral('check', wrong)).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(/problem: .*There is no SKILL\.md/),
  });
  expect(await corral('upload', wrong)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('There is no SKILL.md'),
  });
  expect((await corral('ls', '--json')).stdout).toBe('');
  const checked = await corral('check', path);
  expect([checked.code, checked.stdout]).toEqual([0, 'count-lines can be uploaded.\n']);
  expect((await corral('upload', path)).stdout).toContain('count-lines@1');
});
