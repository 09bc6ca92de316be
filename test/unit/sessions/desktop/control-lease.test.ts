import { expect, test } from 'vitest';
import { type DesktopControlChange, DesktopControlLease } from '../../../../src/sessions/desktop/control-lease.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

function lease() {
  const clock = manualClock(1_000);
  const news: DesktopControlChange[] = [];
  return {
    clock,
    news,
    lease: new DesktopControlLease({ clock, idleMs: 60_000, onChange: (one) => void news.push(one) }),
  };
}
const never = new AbortController().signal;

test('one viewer at a time has the lease, and a takeover names the former one', () => {
  const it = lease();
  it.lease.take('one');
  it.lease.take('one');
  it.lease.take('two');
  expect([it.lease.uses('one'), it.lease.uses('two')]).toEqual([false, true]);
  it.lease.giveBack('one', 'left'); // this viewer does not have the lease
  expect(it.lease.driver).toBe('two');
  expect(it.news).toEqual([
    { kind: 'taken', driver: 'one', former: undefined },
    { kind: 'taken', driver: 'two', former: 'one' },
  ]);
});

test('the agent waits while somebody has it, and continues when it is returned', async () => {
  const it = lease();
  await it.lease.gate(never);
  it.lease.take('one');
  let open = false;
  const gate = it.lease.gate(never).then(() => {
    open = true;
  });
  it.lease.take('two');
  await Promise.resolve();
  expect(open).toBe(false);
  it.lease.giveBack('two', 'returned');
  await gate;
});

test('a caller can stop waiting for the lease', async () => {
  const it = lease();
  it.lease.take('one');
  const stop = new AbortController();
  const gate = it.lease.gate(stop.signal);
  stop.abort();
  await expect(gate).rejects.toMatchObject({ code: 'cancelled' });
});

test('a driver who does nothing returns it after a while, counted from its last input', () => {
  const it = lease();
  it.lease.take('one');
  it.clock.advance(50_000);
  it.lease.uses('one');
  it.clock.advance(59_999);
  expect(it.lease.driver).toBe('one');
  it.clock.advance(1);
  expect(it.lease.driver).toBeUndefined();
  expect(it.news.at(-1)).toMatchObject({ kind: 'returned', why: 'idle', former: 'one' });
  it.lease.take('two'); // the next holder gets its full time
  it.clock.advance(59_999);
  expect(it.lease.driver).toBe('two');
});
