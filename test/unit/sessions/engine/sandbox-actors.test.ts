import { expect, test } from 'vitest';
import { sandboxWith } from '../../../../src/sessions/engine/sandbox/sandbox-actors.ts';
import { asChild, sandboxInput } from '../../../support/machines/machines.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';
import { MemoryBackend } from '../../../support/memory-driver/backend.ts';
import { memoryDriver } from '../../../support/memory-driver/memory.ts';

const unused = () => {
  throw new Error('a release needs no running sandbox');
};

test('the log names a sandbox that the driver could not end, and its session continues', async () => {
  const clock = manualClock();
  const backend = new MemoryBackend(clock, []);
  const warned: object[] = [];
  const machine = sandboxWith({
    driver: memoryDriver(backend),
    clock,
    logger: { warn: (about: object) => void warned.push(about) },
    startTimeoutMs: 1_000,
    live: unused,
    spec: unused,
    connect: unused,
    prepare: unused,
    ready: unused,
    saw: unused,
    track: unused,
    failed: unused,
  });
  backend.next('destroy', { fail: 'driver_unavailable' });
  const input = sandboxInput({ begin: 'release' });
  const { ends } = asChild(machine, input);
  await expect.poll(() => ends).toEqual([{ output: { kind: 'released', workspace: 'remove', unfinished: true } }]);
  const { sessionId: session, sandboxId: sandbox } = input;
  expect(warned).toMatchObject([{ session, sandbox, workspace: 'remove', err: { code: 'driver_unavailable' } }]);
});
