import { expect, test, vi } from 'vitest';
import { type DesktopControlChange, DesktopControlLease } from '../../../../src/sessions/desktop/control-lease.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

function bench() {
  const clock = manualClock(1_000);
  const news: DesktopControlChange[] = [];
  const it = new DesktopControlLease({ clock, idleMs: 60_000, onChange: (one) => void news.push(one) });
  return { clock, news, it };
}
const never = new AbortController().signal;

test('one viewer at a time has the lease, and a takeover names the former one', () => {
  const { it, news } = bench();
  it.take('one');
  it.take('one');
  it.take('two');
  expect([it.uses('one'), it.uses('two')]).toEqual([false, true]);
  it.giveBack('one', 'left'); // this viewer does not have the lease
  expect(it.driver).toBe('two');
  expect(news).toEqual([
    { kind: 'taken', driver: 'one', former: undefined },
    { kind: 'taken', driver: 'two', former: 'one' },
  ]);
});

test('the agent waits while somebody has it, and continues when it is returned', async () => {
  const { it } = bench();
  await it.gate(never);
  it.take('one');
  const opened = vi.fn();
  const gate = it.gate(never).then(opened);
  it.take('two');
  await Promise.resolve();
  expect(opened).not.toHaveBeenCalled();
  it.giveBack('two', 'returned');
  await gate;
});

test('a caller can stop waiting for the lease', async () => {
  const { it } = bench();
  it.take('one');
  const stop = new AbortController();
  const gate = it.gate(stop.signal);
  stop.abort();
  await expect(gate).rejects.toMatchObject({ code: 'cancelled' });
});

test('a driver who does nothing returns it after a while, counted from its last input', () => {
  const { it, clock, news } = bench();
  it.take('one');
  clock.advance(50_000);
  it.uses('one');
  clock.advance(59_999);
  expect(it.driver).toBe('one');
  clock.advance(1);
  expect(it.driver).toBeUndefined();
  expect(news.at(-1)).toMatchObject({ kind: 'returned', why: 'idle', former: 'one' });
  it.take('two'); // the next holder gets its full time
  clock.advance(59_999);
  expect(it.driver).toBe('two');
});
