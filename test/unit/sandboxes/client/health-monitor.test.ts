import { expect, test } from 'vitest';
import type { Clock } from '../../../../src/core/contracts/clock.ts';
import { HealthMonitor } from '../../../../src/sandboxes/client/health-monitor.ts';

/** A daemon that never answers, on a machine that keeps it from running for this share of the time. */
function silent(share: number) {
  let now = 0;
  const clock: Clock = { now: () => now, setTimeout: () => undefined, clearTimeout: () => {} };
  const silence = new HealthMonitor(clock, async () => now * share);
  return {
    silence,
    /** One check without an answer, whose deadline fires late where the server itself could not listen. */
    async check(lateMs = 0) {
      silence.recordRequest();
      now += silence.patienceMs + lateMs;
      return await silence.missed();
    },
    /** Seconds until the sandbox counts as lost. */
    async lostAfter() {
      while (!(await this.check())) if (now > 1_000_000) return Number.POSITIVE_INFINITY;
      return now / 1_000;
    },
  };
}

test('on a quiet machine a silent daemon is lost at its third check', async () => {
  expect([await silent(0).lostAfter(), await silent(0.2).lostAfter()]).toEqual([3, 3]);
});

test('a daemon that gets no processor is not lost, and each check gives it twice the time, up to 16 s', async () => {
  const { silence, check } = silent(1);
  const patience: number[] = [];
  for (let n = 0; n < 7; n++) {
    expect(await check()).toBe(false);
    patience.push(silence.patienceMs);
  }
  expect(patience).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 16_000, 16_000]);
});

test('a daemon that is silent for two minutes is lost on any machine', async () => {
  const seconds = await silent(1).lostAfter();
  expect(seconds).toBeGreaterThan(119);
  expect(seconds).toBeLessThan(140);
});

test('a daemon that could have run half of the time is lost later, but within half a minute', async () => {
  const seconds = await silent(0.5).lostAfter();
  expect(seconds).toBeGreaterThan(3);
  expect(seconds).toBeLessThan(30);
});

test('an answer makes good all misses before it', async () => {
  const { silence, check } = silent(0);
  await check();
  await check();
  silence.recordReply();
  expect([silence.isSilent, await check(), silence.patienceMs]).toEqual([false, false, 1_000]);
});

test('without a measure every miss counts', async () => {
  const silence = new HealthMonitor({ now: () => 0, setTimeout: () => undefined, clearTimeout: () => {} });
  expect([await silence.missed(), await silence.missed(), await silence.missed()]).toEqual([false, false, true]);
});

test('a server that could not listen itself does not count it against the sandbox', async () => {
  const { silence, check } = silent(0);
  // A deadline of a second that fires after 5, 10 or 40 seconds: the answer has waited unread.
  expect([await check(4_000), await check(8_000), await check(36_000)]).toEqual([false, false, false]);
  expect(silence.isSilent).toBe(true);
  // Once the server listens in time, three checks without an answer are the sandbox's fault.
  expect([await check(), await check(), await check()].at(-1)).toBe(true);
});
