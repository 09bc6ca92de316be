import { describe, expect, test } from 'vitest';
import { deadline, pause, throwIfFired } from '../../../src/core/cancel.ts';
import { manualClock } from '../../support/manual-clock.ts';

describe('pause', () => {
  test('ends as soon as its signal fires', async () => {
    const cut = new AbortController();
    const pausing = pause(60_000, cut.signal);
    cut.abort();
    await expect(pausing).rejects.toMatchObject({ code: 'cancelled' });
  });

  test('tells a deadline from a cancellation', async () => {
    await expect(pause(60_000, AbortSignal.timeout(1))).rejects.toMatchObject({
      code: 'deadline_exceeded',
      retryable: true,
    });
  });

  test('takes its time from the clock it is given', async () => {
    const clock = manualClock();
    const pausing = pause(60_000, new AbortController().signal, clock);
    clock.advance(60_000);
    await expect(pausing).resolves.toBeUndefined();
    expect(clock.pending()).toBe(0);
  });
});

describe('deadline', () => {
  test('fires when the time is up, and says that this is why', () => {
    const clock = manualClock();
    using until = deadline(1_000, clock);
    clock.advance(999);
    expect(until.signal.aborted).toBe(false);
    clock.advance(1);
    expect(() => throwIfFired(until.signal)).toThrow('deadline_exceeded');
  });

  test('fires with the signal it was given', () => {
    const cut = new AbortController();
    using until = deadline(1_000, manualClock(), cut.signal);
    cut.abort();
    expect(() => throwIfFired(until.signal)).toThrow('cancelled');
  });

  test('leaves no timer when it was met', () => {
    const clock = manualClock();
    deadline(1_000, clock)[Symbol.dispose]();
    expect(clock.pending()).toBe(0);
  });
});
