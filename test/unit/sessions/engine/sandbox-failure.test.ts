import { expect, test } from 'vitest';
import type { Driver } from '../../../../drivers/driver.ts';
import { systemClock } from '../../../../src/core/contracts/clock.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import { type SandboxDeps, sandboxWith } from '../../../../src/sessions/engine/sandbox/sandbox-actors.ts';
import { asChild, sandboxInput, sandboxPolicy } from '../../../support/machines/machines.ts';

const fault = new Error("ENOENT: no such file or directory, chmod '/srv/corral/data/s/sealed'");

function begin(driver: Partial<Driver>) {
  const failures: AppError[] = [];
  const deps: Partial<SandboxDeps> = {
    driver: driver as Driver,
    clock: systemClock,
    startTimeoutMs: 5_000,
    track: () => {},
    live: () => ({ writer: { write: async () => 1 } }) as never,
    spec: () => ({}) as never,
    failed: (_, failure) => void failures.push(failure),
  };
  const policy = { ...sandboxPolicy, maxRetries: 0 };
  const sandbox = asChild(sandboxWith(deps as SandboxDeps), sandboxInput({ policy }));
  sandbox.actor.send({ type: 'slot.granted' });
  return { ...sandbox, failures };
}

test('a driver that breaks fails the start with a text for clients, and keeps the cause for the operator', async () => {
  const { end, told, failures } = begin({ provision: () => Promise.reject(fault) });
  await expect.poll(end).toMatchObject({ kind: 'failed', code: 'sandbox_unavailable', retryable: true });
  expect(failures).toMatchObject([{ code: 'sandbox_unavailable', cause: fault }]);
  const shown = JSON.stringify([told, end()]);
  expect(shown).toContain("the server's log under the id of this session");
  expect(shown).not.toContain('ENOENT');
});

test('a link that breaks keeps its cause for the operator too', async () => {
  const { end, told, failures } = begin({ provision: async () => ({}) as never, attach: () => Promise.reject(fault) });
  await expect.poll(end).toMatchObject({ kind: 'failed', code: 'sandbox_lost' });
  expect(failures).toMatchObject([{ code: 'sandbox_lost', cause: fault }]);
  expect(JSON.stringify([told, end()])).not.toContain('ENOENT');
});

test("a driver's own error reaches clients as it is", async () => {
  const full = new AppError('sandbox_capacity', 'All user ids are taken. Delete sessions.');
  const { end, failures } = begin({ provision: () => Promise.reject(full) });
  await expect.poll(end).toMatchObject({ code: 'sandbox_capacity', message: full.publicMessage });
  expect(failures).toEqual([full]);
});
