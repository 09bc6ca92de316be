import { expect, onTestFinished, test } from 'vitest';
import { WorkLoop } from '../../../src/core/concurrency/rounds.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

/** Rounds that report when they begin, and end when the test lets them. */
function rounds(first?: number) {
  const clock = manualClock();
  const over = new AbortController();
  const begun: PromiseWithResolvers<void>[] = [];
  const warnings: string[] = [];
  const all = new WorkLoop({
    async round() {
      const end = Promise.withResolvers<void>();
      begun.push(end);
      await end.promise;
      return 1_000_000;
    },
    restMs: { longest: 30_000, failed: 2_000, ...(first !== undefined && { first }) },
    clock,
    warn: (_, text) => warnings.push(text),
    failure: 'a round failed',
  });
  const running = all.run(over.signal);
  onTestFinished(async () => {
    over.abort();
    for (const one of begun) one.resolve();
    await running;
  });
  return { clock, begun, warnings, wake: all.wake };
}

test('a round begins when the longest rest is over, or when somebody wakes it', async () => {
  const { clock, begun, wake } = rounds(30_000);
  expect(begun).toHaveLength(0);
  wake();
  await expect.poll(() => begun.length).toBe(1);
  begun[0]?.resolve();
  await expect.poll(() => clock.pending()).toBe(1);
  clock.advance(29_999);
  expect(begun).toHaveLength(1);
  clock.advance(1);
  await expect.poll(() => begun.length).toBe(2);
});

test('a wake during a round begins the next one at once', async () => {
  const { begun, wake } = rounds();
  await expect.poll(() => begun.length).toBe(1);
  wake();
  begun[0]?.resolve();
  await expect.poll(() => begun.length).toBe(2);
});

test('a round that fails is reported, and tried again after its own rest', async () => {
  const { clock, begun, warnings } = rounds();
  await expect.poll(() => begun.length).toBe(1);
  begun[0]?.reject(new Error('the store is away'));
  await expect.poll(() => clock.pending()).toBe(1);
  expect(warnings).toEqual(['a round failed']);
  clock.advance(2_000);
  await expect.poll(() => begun.length).toBe(2);
});
