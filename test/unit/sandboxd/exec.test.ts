import { expect, test } from 'vitest';
import { confinePaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { toProgramStartError } from '../../../sandbox-images/sandboxd/processes/programs.ts';
import { createTerminalKeepers, type DaemonState } from '../../../sandbox-images/sandboxd/shared-state.ts';
import { createExecutor } from '../../../sandbox-images/sandboxd/shells/exec.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

const sharedState = async (stateDir: string) =>
  ({
    clock: systemClock,
    place: await confinePaths(stateDir),
    stateDir,
    env: { PATH: process.env.PATH },
    keepers: createTerminalKeepers(process.pid, process.ppid),
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

const refused = (code: string) => Object.assign(new Error(code), { code });

test('a program that no folder of the search path has is missing, also where one of them cannot be looked into', () => {
  for (const code of ['ENOENT', 'EACCES'])
    expect(toProgramStartError('no-such-program', refused(code), '/root/closed:/usr/bin')).toMatchObject({
      code: 'file_not_found',
    });
});

test('a program that is there and cannot be executed is refused as that', () => {
  expect(toProgramStartError('sh', refused('EACCES'), '/nowhere:/bin')).toMatchObject({ code: 'invalid_request' });
  expect(toProgramStartError('/etc/passwd', refused('EACCES'), '/bin')).toMatchObject({ code: 'invalid_request' });
});
