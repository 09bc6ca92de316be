// Commands that inspect the data of a server: a wrong path or argument must fail, not look like an empty server.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createSeccompProfile } from '../../../../drivers/shared/seccomp/oci.ts';
import { auditCommand } from '../../../../src/app/commands/audit.ts';
import { doctorCommand } from '../../../../src/app/commands/doctor.ts';
import { keysCommand } from '../../../../src/app/commands/keys.ts';
import { reapCommand } from '../../../../src/app/commands/reap.ts';
import { repairCommand } from '../../../../src/app/commands/repair.ts';
import { seccompProfileCommand } from '../../../../src/app/commands/seccomp-profile.ts';
import { exportCommand, importCommand } from '../../../../src/app/commands/transfer.ts';
import { tryCommand } from '../../../../src/app/commands/try.ts';
import { openSqliteStore } from '../../../../src/storage/sqlite/store.ts';
import { runServerCommand as run } from '../../../support/servers/run-command.ts';
import { temporaryFolder } from '../../../support/stores/store.ts';

let folder: ReturnType<typeof temporaryFolder>;
const inside = (name: string) => join(folder.path, name);
beforeEach(() => {
  folder = temporaryFolder();
  vi.stubEnv('CORRAL_DATA_DIR', inside('data'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  folder[Symbol.dispose]();
});

describe('without a store', () => {
  test.each([
    ['export', exportCommand, ['sessions.ndjson']],
    ['keys', keysCommand, ['list']],
    ['keys', keysCommand, ['revoke', '5f0c3d9b21aa']],
    ['repair', repairCommand, []],
  ])('%s says where it looked, and makes none', async (_name, command, args) => {
    await expect(run(command, ...args)).rejects.toMatchObject({
      code: 'file_not_found',
      publicMessage: expect.stringContaining(`There is no store ${inside('data/corral.db')}. Set CORRAL_DATA_DIR`),
    });
    expect(readdirSync(folder.path)).toEqual([]);
  });

  test.each(['list', 'head', 'verify'])('audit %s says where it looked, and is no success', async (what) => {
    const { code, printed, messages } = await run(auditCommand, what);
    expect({ code, printed }).toEqual({ code: 1, printed: [] });
    expect(messages[0]).toContain(`There is no audit log in ${inside('data/audit')}`);
    expect(readdirSync(folder.path)).toEqual([]);
  });
});

describe('export', () => {
  beforeEach(async () => {
    mkdirSync(inside('data'));
    await using _store = await openSqliteStore({ path: inside('data/corral.db') });
  });

  test('writes no file where its folder is missing, and says so', () =>
    expect(run(exportCommand, inside('missing/sessions.ndjson'))).rejects.toThrow(
      /missing\/sessions.ndjson cannot be written \(ENOENT\). Check that its folder exists/,
    ));

  test('does not write over what is no export', async () => {
    writeFileSync(inside('notes.txt'), 'mine\n');
    await expect(run(exportCommand, inside('notes.txt'))).rejects.toThrow('notes.txt exists and is not an export');
    await expect(run(exportCommand, folder.path)).rejects.toThrow('exists and is not an export');
  });

  test('writes a file without sessions that can be imported', async () => {
    expect((await run(exportCommand, inside('sessions.ndjson'))).printed[0]).toMatch(/^0 sessions exported/);
    expect((await run(importCommand, inside('sessions.ndjson'))).printed[0]).toMatch(/^0 sessions imported/);
  });
});

test('import says which file is none', async () => {
  await expect(run(importCommand, inside('missing'))).rejects.toThrow(`There is no file ${inside('missing')}.`);
  await expect(run(importCommand, folder.path)).rejects.toThrow(`There is no file ${folder.path}.`);
});

test.each([
  [repairCommand, ['corral.db'], 'repair takes no arguments'],
  [auditCommand, [], 'The action is missing'],
  [auditCommand, ['show'], 'There is no audit show'],
  [reapCommand, ['--instance', 'one'], '--instance requires --all'],
  [reapCommand, [], 'Set CORRAL_DRIVER=kubernetes'],
  [tryCommand, ['--timeout', 'soon'], '--timeout needs a number of seconds'],
  [
    tryCommand,
    ['--url', 'localhost:8000'],
    'localhost:8000 is not the address of a server. Write it like http://127.0.0.1:8000',
  ],
  [doctorCommand, ['--url', 'server'], 'server is not the address of a server. Write it like http://127.0.0.1:8000'],
])('%o with %j says what is wrong', (command, args, text) => expect(run(command, ...args)).rejects.toThrow(text));

test('the profile for nodes is what Docker gets', async () => {
  const { code, printed } = await run(seccompProfileCommand);
  expect(code).toBe(0);
  expect(JSON.parse(printed.join('\n'))).toEqual(JSON.parse(createSeccompProfile()));
});
