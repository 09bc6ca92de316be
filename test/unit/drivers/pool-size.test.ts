import { expect, test } from 'vitest';
import { createAutomaticPoolSizer } from '../../../drivers/shared/pool/pool-size.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

const gib = 2 ** 30;
const minute = 60_000;

function sized(free: number | undefined = 100 * gib) {
  const clock = manualClock();
  const size = createAutomaticPoolSizer({ clock, freeMemory: () => free });
  const ask = (count: number, everyMs = 0) => {
    for (let n = 0; n < count; n++) {
      size.recordRequest();
      clock.advance(everyMs);
    }
  };
  return { clock, size, ask };
}

test.each<[string, { requests: number; everyMs?: number; startMs?: number }, number]>([
  ['one sandbox is ready before the first request', { requests: 0 }, 1],
  ['as many stand ready as were requested at once', { requests: 7 }, 7],
  ['requests with time to refill between them need one sandbox', { requests: 20, everyMs: 6_000 }, 1],
  ['slow starts make the pool larger', { requests: 20, everyMs: 6_000, startMs: 12_000 }, 5], // until it is full again
])('%s', (_, { requests, everyMs = 0, startMs }, ready) => {
  const { size, ask } = sized();
  ask(requests, everyMs);
  if (startMs !== undefined) size.started(startMs);
  expect(size.now(gib)).toBe(ready);
});

test('ten minutes later a rush is forgotten', () => {
  const { clock, size, ask } = sized();
  ask(7);
  clock.advance(10 * minute);
  expect(size.now(gib)).toBe(1);
});

test('ready sandboxes take at most half of the free memory, and none stands ready where one would take more', () => {
  const { size, ask } = sized(7 * gib);
  ask(10);
  expect([size.now(gib), size.now(4 * gib)]).toEqual([3, 0]);
});

test('a rush never makes the pool larger than 32, with memory that only the backend knows too', () => {
  const { size, ask } = sized(undefined);
  ask(6_000);
  expect(size.now(gib)).toBe(32);
});
