import { describe, expect, test } from 'vitest';
import { pause } from '../../../src/core/cancel.ts';

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
});
