import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { child } from '../../../../sandbox-images/sandboxd/desktop/child-process.ts';
import { commandLine } from '../../../../sandbox-images/sandboxd/processes/proc.ts';
import { findTerminalKeepers } from '../../../../sandbox-images/sandboxd/shared-state.ts';

test('the end of a desktop program also ends what left its session', async () => {
  const program = await child(findTerminalKeepers(process.pid, process.ppid), {
    command: ['/bin/sh', '-c', '(setsid sleep 60 & echo $!); exec sleep 60'],
    cwd: '/',
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'ignore'],
    oomScore: 0,
  });
  const [orphan] = await once(program.process.stdout as Readable, 'data');
  await program.end();
  expect(commandLine(Number(orphan))).toBe('');
});
