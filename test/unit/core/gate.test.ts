import { expect, test } from 'vitest';
import { neverFires } from '../../../src/core/cancel.ts';
import { gate } from '../../../src/core/gate.ts';

test('a gate lets as many through as it is wide, and the next one when one has left', async () => {
  const enter = gate(1);
  const first = await enter(neverFires);
  let isIn = false;
  const second = enter(neverFires).then((turn) => {
    isIn = true;
    return turn;
  });
  await new Promise(setImmediate);
  expect(isIn).toBe(false);
  first[Symbol.dispose]();
  (await second)[Symbol.dispose]();
});

test('a caller whose signal fires gives up its place, and the one behind it is let through', async () => {
  const enter = gate(1);
  const first = await enter(neverFires);
  const stop = new AbortController();
  const second = enter(stop.signal);
  const third = enter(neverFires);
  stop.abort();
  await expect(second).rejects.toMatchObject({ code: 'cancelled' });
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
});

test('more callers than any program has are refused', async () => {
  const enter = gate(1);
  await enter(neverFires);
  const stop = new AbortController();
  const waiting = Array.from({ length: 1_024 }, () => enter(stop.signal));
  await expect(enter(neverFires)).rejects.toMatchObject({ code: 'queue_full' });
  stop.abort();
  await Promise.allSettled(waiting);
});
