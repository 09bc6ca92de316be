import { expect, test } from 'vitest';
import { pauseContainer } from '../../../drivers/docker/engine.ts';
import { neverAbortingSignal } from '../../../src/core/concurrency/cancel.ts';

const refusal = (statusCode: number) => Object.assign(new Error('unable to freeze'), { statusCode });

/** The clock's waits end at once. */
const clock = { now: () => 0, setTimeout: (call: () => void) => setTimeout(call, 0), clearTimeout } as never;

test.each([
  ['was too busy to freeze is retried', [500, 500], 3, 'frozen'],
  ['never freezes is retried a few times, and its refusal is reported', Array(99).fill(500), 8, 'unable to freeze'],
  ['refuses for another reason is not retried, and that is reported', [409], 1, 'unable to freeze'],
])('a runtime that %s', async (_, refusals: number[], calls, end) => {
  let requested = 0;
  const pause = async () => {
    requested += 1;
    const refused = refusals.shift();
    if (refused) throw refusal(refused);
  };
  const freezing = pauseContainer({ pause } as never, neverAbortingSignal, clock).then(() => 'frozen');
  expect(await freezing.catch(String)).toContain(end);
  expect(requested).toBe(calls);
});
