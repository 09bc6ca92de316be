// @module-tag all
import { execFile } from 'node:child_process';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { expect, test } from 'vitest';
import { tarballOfTree } from '../../support/servers/packed-cli.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const run = promisify(execFile);

test('the packed file has every export that it names, with types, and each can be imported', async () => {
  using folder = temporaryFolder();
  const home = folder.path;
  const pkgDir = join(home, 'node_modules/corral');
  await mkdir(pkgDir, { recursive: true });
  await run('tar', ['-xzf', await tarballOfTree(), '-C', pkgDir, '--strip-components=1']);
  const { messages, pkg = {} } = await publint({ pkgDir, pack: false });
  expect(messages.filter(({ type }) => type !== 'suggestion').map((one) => formatMessage(one, pkg))).toEqual([]);
  const { exports, dependencies } = JSON.parse(await readFile(join(pkgDir, 'package.json'), 'utf8'));
  for (const name of Object.keys(dependencies)) {
    await mkdir(join(home, 'node_modules', name, '..'), { recursive: true });
    await symlink(resolve('node_modules', name), join(home, 'node_modules', name));
  }
  const names = Object.keys(exports).map((path) => path.replace('.', 'corral'));
  const script = `for (const name of ${JSON.stringify(names)}) console.log(name, Object.keys(await import(name)).length > 0)`;
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', script], { cwd: home });
  expect(stdout.trim().split('\n')).toEqual(['corral/client true', 'corral/tools true']);
});
