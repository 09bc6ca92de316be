import { expect, test } from 'vitest';
import { budget, testSpec } from '../../../drivers/conformance/harness.ts';
import { MemoryBackend } from '../../../drivers/memory/backend.ts';
import { memoryDriver } from '../../../drivers/memory/memory.ts';
import { systemClock } from '../../../src/core/contracts/clock.ts';

const open = () => {
  const backend = new MemoryBackend(systemClock, ['base']);
  return { backend, driver: memoryDriver(backend) };
};

test('a call can be made to fail once with a code, without acting', async () => {
  const { backend, driver } = open();
  backend.next('provision', { fail: 'sandbox_capacity' });
  await expect(driver.provision(testSpec('base'), budget())).rejects.toMatchObject({ code: 'sandbox_capacity' });
  expect(await driver.list(budget())).toEqual([]);
  await driver.provision(testSpec('base'), budget());
});

test('a call can be made to act and lose its answer', async () => {
  const { backend, driver } = open();
  backend.next('provision', { lose: 'driver_unavailable' });
  await expect(driver.provision(testSpec('base'), budget())).rejects.toMatchObject({ code: 'driver_unavailable' });
  expect(await driver.list(budget())).toHaveLength(1);
});

test('a call can be made to hang until its signal fires', async () => {
  const { backend, driver } = open();
  backend.next('list', 'hang');
  await expect(driver.list(budget(20))).rejects.toMatchObject({ code: 'deadline_exceeded' });
  expect(await driver.list(budget())).toEqual([]);
});

test('calls can be made to take their time, by the injected clock', async () => {
  const timers: (() => void)[] = [];
  const clock = { ...systemClock, setTimeout: (fn: () => void) => void timers.push(fn), clearTimeout: () => {} };
  const backend = new MemoryBackend(clock, ['base']);
  backend.latency.provision = 60_000;
  let done = false;
  const starting = memoryDriver(backend)
    .provision(testSpec('base'), budget())
    .then(() => {
      done = true;
    });
  await new Promise(setImmediate);
  expect(done).toBe(false);
  timers[0]?.();
  await starting;
});

test('a full backend says so, and has room again after a destroy', async () => {
  const { backend, driver } = open();
  backend.capacity = 1;
  const { id } = await driver.provision(testSpec('base'), budget());
  const refused = driver.provision(testSpec('base'), budget());
  await expect(refused).rejects.toMatchObject({ code: 'sandbox_capacity', retryable: true });
  await driver.destroy(id, 'keep', budget());
  await driver.provision(testSpec('base'), budget());
});
