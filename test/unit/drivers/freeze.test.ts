import { expect, test } from 'vitest';
import { pauseContainer } from '../../../drivers/docker/freeze.ts';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';

const refusal = (statusCode: number) => Object.assign(new Error('unable to freeze'), { statusCode });

/** A container whose engine gives these refusals before it freezes; the clock's waits end at once. */
function containerWith(refusals: Error[]) {
  let calls = 0;
  const pause = async () => {
    calls += 1;
    const refused = refusals.shift();
    if (refused) throw refused;
  };
  return { pause, requested: () => calls };
}
const clock = { now: () => 0, setTimeout: (call: () => void) => setTimeout(call, 0), clearTimeout } as never;

test('a runtime that was too busy to freeze is retried', async () => {
  const container = containerWith([refusal(500), refusal(500)]);
  await pauseContainer(container as never, neverAbortingSignal, clock);
  expect(container.requested()).toBe(3);
});

test('a runtime that never freezes is retried a few times, and its refusal is reported', async () => {
  const container = containerWith(Array.from({ length: 99 }, () => refusal(500)));
  await expect(pauseContainer(container as never, neverAbortingSignal, clock)).rejects.toThrow('unable to freeze');
  expect(container.requested()).toBe(8);
});

test('another refusal is reported immediately', async () => {
  const container = containerWith([refusal(409)]);
  await expect(pauseContainer(container as never, neverAbortingSignal, clock)).rejects.toThrow('unable to freeze');
  expect(container.requested()).toBe(1);
});
