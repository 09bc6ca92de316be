import { execFile } from 'node:child_process';
import { appendFile, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { createConfinedPaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { createBaseEnvironment, writeShellProfile } from '../../../sandbox-images/sandboxd/shells/environment.ts';
import { openJournal } from '../../../sandbox-images/sandboxd/shells/journal.ts';
import { openOutputSpool } from '../../../sandbox-images/sandboxd/shells/spool.ts';
import { formatShellPrompt } from '../../../src/core/model/prompt.ts';
import { folderOfTest } from '../../support/stores/folder-of-test.ts';

const buffer = Buffer.alloc(1_000);
const entry = (id: string, state: 'running' | 'exited') => ({
  operation: { id, state, bytes: 0, spool: `${id}.log`, pid: 1, startedAt: 5 },
  shell: 'main',
  tag: 'run',
  ps1: '$ ',
  command: 'true',
});

test('a journal is read back with the newest state of each operation, also after a torn line', async () => {
  const path = folderOfTest();
  const first = openJournal(path);
  first.record(entry('a', 'running'));
  first.record(entry('b', 'running'));
  first.record(entry('a', 'exited'));
  await appendFile(join(path, 'journal.jsonl'), '{"operation":{"id":"c","st');
  const second = openJournal(path);
  expect(second.all().map(({ operation }) => `${operation.id} ${operation.state}`)).toEqual(['a exited', 'b running']);
  expect(second.firstOf('run')).toBe(5);
  second.record(entry('b', 'exited'));
  expect(openJournal(path).get('b')?.operation.state).toBe('exited');
});

test('a journal forgets the oldest finished operations only', async () => {
  const journal = openJournal(folderOfTest());
  journal.record(entry('still', 'running'));
  for (let n = 0; n < 2_010; n++) journal.record(entry(`n${n}`, 'exited'));
  expect(journal.all()).toHaveLength(2_000);
  const expected = ['still', undefined, 'n2009'];
  expect([journal.get('still')?.operation.id, journal.get('n0'), journal.get('n2009')?.operation.id]).toEqual(expected);
});

test('a spool holds everything up to its cap, then says so once', async () => {
  const place = await createConfinedPaths(folderOfTest());
  const spool = await openOutputSpool(place, '.corral/output/x.log', 10);
  for (const part of ['0123', '4567', '89ab', 'cdef']) await spool.append(Buffer.from(part));
  await spool.close();
  const note = '\n[corral: output beyond 0 MiB is not kept]\n';
  expect(spool.bytes).toBe(10 + note.length);
  expect(String(await spool.read(3, buffer))).toBe('3456789');
  expect(String(await spool.read(10, buffer))).toBe(note);
  expect(await readFile(join(place.root, '.corral/output/x.log'), 'utf8')).toBe('0123456789');
});

test('a spool without a file keeps the first of it in memory', async () => {
  const path = folderOfTest();
  await symlink('/', join(path, '.corral')); // points outside, where the daemon cannot create files
  const spool = await openOutputSpool(await createConfinedPaths(path), '.corral/output/x.log', 1 << 20);
  await spool.append(Buffer.from('last words'));
  expect(String(await spool.read(0, buffer))).toBe('last words');
  for (let n = 0; n < 100; n++) await spool.append(Buffer.alloc(1_000, 'x'));
  expect(spool.bytes).toBeLessThan(66_000);
});

test('a command gets neither the token nor the daemon’s own settings', () => {
  const kept = { CORRAL_SANDBOX_ID: 'sbx-1', HOME: '/home/agent', PAGER: 'less' };
  const env = createBaseEnvironment({ ...kept, CORRAL_SANDBOXD_TOKEN: 'secret', CORRAL_RUN_DIR: '/run' });
  expect(env).toMatchObject({ ...kept, TERM: 'dumb' });
  expect(Object.keys(env).filter((name) => name.startsWith('CORRAL_'))).toEqual(['CORRAL_SANDBOX_ID']);
});

test('Node of a command uses the proxy, though the daemon’s own Node does not know of it', () => {
  expect(createBaseEnvironment({ CORRAL_NODE_USE_ENV_PROXY: '1' }).NODE_USE_ENV_PROXY).toBe('1');
  expect(createBaseEnvironment({})).not.toHaveProperty('NODE_USE_ENV_PROXY');
});

test('a command gets its shell, so that no bash looks its user up', () => {
  const shellOf = (env: Record<string, string>) => createBaseEnvironment(env).SHELL;
  expect([shellOf({}), shellOf({ SHELL: '/bin/zsh' })]).toEqual(['/bin/bash', '/bin/zsh']);
});

test('a command reads UTF-8 by one locale file, unless a locale is set', () => {
  const localeOf = ({ LANG, LC_ALL, LC_CTYPE }: Record<string, string>) => ({ LANG, LC_ALL, LC_CTYPE });
  expect(localeOf(createBaseEnvironment({}))).toEqual({ LC_CTYPE: 'C.UTF-8' });
  for (const name of ['LANG', 'LC_ALL', 'LC_CTYPE'])
    expect(localeOf(createBaseEnvironment({ [name]: 'de_DE.UTF-8' }))).toEqual({ [name]: 'de_DE.UTF-8' });
});

describe('programs that users install', () => {
  const input = { HOME: '/home/agent', PATH: '/usr/local/bin:/usr/bin' };

  test('goes below the home, whose programs come first on the path', () => {
    expect(createBaseEnvironment(input, 10_001)).toMatchObject({
      PATH: '/home/agent/.local/bin:/usr/local/bin:/usr/bin',
      npm_config_prefix: '/home/agent/.local',
      PIP_BREAK_SYSTEM_PACKAGES: '1',
    });
    const own = { npm_config_prefix: '/opt/mine', PIP_BREAK_SYSTEM_PACKAGES: '0' };
    expect(createBaseEnvironment({ ...input, ...own }, 10_001)).toMatchObject(own);
  });

  test('is not forced on a system that root could break', () =>
    expect(createBaseEnvironment(input, 0)).not.toHaveProperty('PIP_BREAK_SYSTEM_PACKAGES'));

  test('is on the path of a login shell too, and a profile that is there is left alone', async () => {
    const home = folderOfTest();
    const env = createBaseEnvironment({ ...input, HOME: home, PATH: `/it's here:/usr/bin:/bin` }, 10_001);
    const login = async () => {
      const { stdout } = await promisify(execFile)('bash', ['-lc', 'printf %s "$PATH"'], { env });
      return stdout;
    };
    writeShellProfile(env);
    expect(await login()).toMatch(`${home}/.local/bin:/it's here:/usr/bin:/bin:`);
    await writeFile(join(home, '.profile'), 'PATH=/mine\n');
    writeShellProfile(env);
    expect(await login()).toBe('/mine');
  });
});

test.each([
  ['/workspace', '~'],
  ['/workspace/a/b', '~/a/b'],
  ['/', '/'],
  ['/workspace2', '/workspace2'],
])('the prompt shows the folder %s as %s', (cwd, shown) =>
  expect(formatShellPrompt('/workspace', cwd)).toBe(`corral:${shown}$ `),
);
