import { expect, test } from 'vitest';
import { freezeContainer } from '../../../drivers/docker/freeze.ts';
import { neverFires } from '../../../src/core/concurrency/cancel.ts';

const refusal = (statusCode: number) => Object.assign(new Error('unable to freeze'), { statusCode });

/** A container whose engine gives these refusals before it freezes; the clock's waits end at once. */
function containerWith(refusals: Error[]) {
  let asked = 0;
  const pause = async () => {
    asked += 1;
    const refused = refusals.shift();
    if (refused) throw refused;
  };
  return { pause, asked: () => asked };
}
const clock = { now: () => 0, setTimeout: (call: () => void) => setTimeout(call, 0), clearTimeout } as never;

test('a runtime that was too busy to freeze is asked again', async () => {
  const container = containerWith([refusal(500), refusal(500)]);
  await freezeContainer(container as never, neverFires, clock);
  expect(container.asked()).toBe(3);
});

test('a runtime that never freezes is asked a few times, and its refusal is told', async () => {
  const container = containerWith(Array.from({ length: 99 }, () => refusal(500)));
  await expect(freezeContainer(container as never, neverFires, clock)).rejects.toThrow('unable to freeze');
  expect(container.asked()).toBe(8);
});

test('another refusal is told at once', async () => {
  const container = containerWith([refusal(409)]);
  await expect(freezeContainer(container as never, neverFires, clock)).rejects.toThrow('unable to freeze');
  expect(container.asked()).toBe(1);
});
