import { expect, test } from 'vitest';
import { confinePaths } from '../../../sandbox-images/sandboxd/files/confined-paths.ts';
import { findTerminalKeepers, type SharedState } from '../../../sandbox-images/sandboxd/shared-state.ts';
import { executor } from '../../../sandbox-images/sandboxd/shells/exec.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';
import { temporaryFolder } from '../../support/stores/store.ts';

test('a command whose client was gone before it began is ended like any other', async () => {
  using folder = temporaryFolder();
  const parts = {
    clock: systemClock,
    place: await confinePaths(folder.path),
    stateDir: folder.path,
    env: { PATH: process.env.PATH },
    keepers: findTerminalKeepers(process.pid, process.ppid),
    bootId: crypto.randomUUID(),
    touch: () => {},
  } as unknown as SharedState;
  const done = await executor(parts)({ command: 'sleep 60' }, AbortSignal.abort());
  expect(done).toMatchObject({ exitCode: 143, timedOut: false });
});
