import { expect, test } from 'vitest';
import { createConfinedPaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { toProgramStartError } from '../../../sandbox-images/sandboxd/processes/programs.ts';
import { createDaemonProcessSet, type DaemonState } from '../../../sandbox-images/sandboxd/shared-state.ts';
import { createExecutor } from '../../../sandbox-images/sandboxd/shells/exec.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const sharedState = async (stateDir: string) =>
  ({
    clock: systemClock,
    place: await createConfinedPaths(stateDir),
    stateDir,
    env: { PATH: process.env.PATH },
    keepers: createDaemonProcessSet(process.pid, process.ppid),
    bootId: crypto.randomUUID(),
    touch: () => {},
  }) as unknown as DaemonState;

test.each([
  ['a Latin-1 name', 'caf\\xE9', "$'caf\\xe9'"],
  ['a name below one', 'caf\\xE9/\\xFF b', "$'caf\\xe9/\\xff b'"],
  ['a name that looks escaped', 'a\\xE9', "'a\\xE9'"],
  ['a name of UTF-8', 'é漢', "'é漢'"],
])('a command runs in a folder with %s', async (_, cwd, quoted) => {
  using folder = temporaryFolder();
  const run = createExecutor(await sharedState(folder.path));
  const { signal } = new AbortController();
  await run({ command: `mkdir -p ${quoted}` }, signal);
  const { stdout } = await run({ cwd, command: `pwd | od -An -tx1; ls -d .` }, signal);
  const there = await run({ command: `cd ${quoted} && pwd | od -An -tx1` }, signal);
  expect(stdout).toBe(`${there.stdout}.\n`);
});

test('a command whose client was gone before it began is ended like any other', async () => {
  using folder = temporaryFolder();
  const done = await createExecutor(await sharedState(folder.path))({ command: 'sleep 60' }, AbortSignal.abort());
  expect(done).toMatchObject({ exitCode: 143, timedOut: false });
});

test.each([
  ['no folder of the search path has', 'no-such-program', 'ENOENT', '/root/closed:/usr/bin', 'file_not_found'],
  ['none has, and one cannot be looked into', 'no-such-program', 'EACCES', '/root/closed:/usr/bin', 'file_not_found'],
  ['is there and cannot be executed', 'sh', 'EACCES', '/nowhere:/bin', 'invalid_request'],
  ['is a path and cannot be executed', '/etc/passwd', 'EACCES', '/bin', 'invalid_request'],
])('the start of a program that %s fails with that reason', (_, program, code, path, expected) => {
  const error = toProgramStartError(program, Object.assign(new Error(code), { code }), path);
  expect(error).toMatchObject({ code: expected });
});
