import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keysCommand } from '../../../../src/app/commands/keys.ts';
import { runServerCommand } from '../../../support/servers/run-command.ts';
import { temporaryFolder } from '../../../support/stores/store.ts';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder();
  vi.stubEnv('CORRAL_DATA_DIR', folder.path);
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

const run = (...args: string[]) => runServerCommand(keysCommand, ...args);

test('create prints a key once, and list shows only its public parts', async () => {
  const { printed, messages } = await run('create', '--role', 'admin', '--name', 'root', '--expires', '30d');
  expect(printed).toHaveLength(1);
  expect(printed[0]).toMatch(/^crl_[0-9a-f]{12}_[\w-]{43}$/);
  expect(messages[0]).toContain('shown once');
  const list = (await run('list')).printed;
  expect(list[0]).toMatch(/^[0-9a-f]{12} {2}admin {5}active .* root$/);
  expect(list[0]).not.toContain(printed[0]?.slice(17));
});

test('a revoked key stays in the list, as what it is', async () => {
  await run('create', '--role', 'admin', '--name', 'root');
  const [key = ''] = (await run('create', '--role', 'user', '--name', 'app')).printed;
  expect((await run('revoke', key.slice(4, 16))).printed).toEqual([`The key ${key.slice(4, 16)} (app) is revoked.`]);
  expect((await run('list')).printed[0]).toMatch(/user {6}revoked .* app$/);
});

test('the first key of a server without a token is one of an administrator', () =>
  expect(run('create', '--role', 'user', '--name', 'x')).rejects.toThrow('Create an admin key first'));

test.each([
  [['create', '--role', 'boss', '--name', 'x'], '--role must be one of viewer, auditor, user, operator, admin'],
  [['create', '--role', 'user'], '--name is missing'],
  [['create', '--role', 'user', '--name', ' '], '--name is empty'],
  [['create', '--role', 'user', '--name', 'x', '--expires', 'soon'], '--expires must be like 12h or 30d'],
  [['create', '--what'], 'keys needs create'],
  [['revoke'], 'keys needs create'],
  [['list', 'more'], 'keys needs create'],
  [[], 'keys needs create'],
])('keys %j says what is wrong', (args, text) => expect(run(...args)).rejects.toThrow(text));
