import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import {
  combineSignals,
  createTimeoutSignal,
  neverAbortingSignal,
  raceAbort,
  sleep,
  throwIfAborted,
} from '../../../src/core/concurrency/cancel.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

describe('pause', () => {
  test('ends as soon as its signal fires', async () => {
    const cut = new AbortController();
    const pausing = sleep(60_000, cut.signal);
    cut.abort();
    await expect(pausing).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('tells a deadline from a cancellation', async () => {
    const expected = { code: 'deadline_exceeded', retryable: true };
    await expect(sleep(60_000, AbortSignal.timeout(1))).rejects.toMatchObject(expected);
  });

  test('takes its time from the injected clock', async () => {
    const clock = manualClock();
    const pausing = sleep(60_000, new AbortController().signal, clock);
    clock.advance(60_000);
    await expect(pausing).resolves.toBeUndefined();
    expect(clock.pending()).toBe(0);
  });
});

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');

test.each([
  ['that fired', () => AbortSignal.timeout(0)],
  ['whose owner stopped it', () => abortSoon()],
  ['combined of others', () => combineSignals([abortSoon(), new AbortController().signal])],
])('a signal knows of a source %s and was collected before anybody looked', async (_, source) => {
  const combined = combineSignals([source(), new AbortController().signal]);
  for (let n = 0; n < 20; n++) {
    await setImmediate();
    gc();
  }
  expect(combined.aborted).toBe(true);
});
function abortSoon(): AbortSignal {
  const ended = new AbortController();
  queueMicrotask(() => ended.abort());
  return ended.signal;
}

describe('deadline', () => {
  test('fires when the time is up, and says that this is why; when it was met it leaves no timer', () => {
    const clock = manualClock();
    using until = createTimeoutSignal(1_000, clock);
    clock.advance(999);
    expect(until.signal.aborted).toBe(false);
    clock.advance(1);
    expect(() => throwIfAborted(until.signal)).toThrow('deadline_exceeded');
    createTimeoutSignal(1_000, clock)[Symbol.dispose]();
    expect(clock.pending()).toBe(0);
  });

  test('fires with its signal', () => {
    const cut = new AbortController();
    using until = createTimeoutSignal(1_000, manualClock(), cut.signal);
    cut.abort();
    expect(() => throwIfAborted(until.signal)).toThrow('cancelled');
  });
});

describe('orAborted', () => {
  test('settles like the work', async () => {
    const { signal } = new AbortController();
    await expect(raceAbort(Promise.resolve(7), signal)).resolves.toBe(7);
    await expect(raceAbort(Promise.reject(new Error('mine')), signal)).rejects.toThrow('mine');
  });

  test('rejects as soon as the signal fires, and ignores the end of the work', async () => {
    const cut = new AbortController();
    const work = Promise.withResolvers<number>();
    const waiting = raceAbort(work.promise, cut.signal);
    cut.abort();
    await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    work.reject(new Error('unheard'));
    await expect(raceAbort(work.promise, cut.signal)).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('tells a deadline from a cancellation', async () => {
    const never = new Promise<never>(() => {});
    await expect(raceAbort(never, AbortSignal.timeout(1))).rejects.toMatchObject({ code: 'deadline_exceeded' });
  });
});

test('the signal that never fires keeps no listener', () => {
  let received = 0;
  neverAbortingSignal.addEventListener('abort', () => received++);
  neverAbortingSignal.dispatchEvent(new Event('abort'));
  expect({ received, aborted: neverAbortingSignal.aborted }).toEqual({ received: 0, aborted: false });
});
