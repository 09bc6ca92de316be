import { expect, test } from 'vitest';
import { createLockout } from '../../../src/auth/lockout.ts';
import { toNetworkKey } from '../../../src/core/text/address.ts';
import { createRateLimiter } from '../../../src/http/guard/rate-limit.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

test.each([
  ['10.0.0.7', '10.0.0.7'],
  ['::ffff:10.0.0.7', '10.0.0.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2:ffff::1', '2001:db8:1:2::/64'],
  ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1:2:3:4:5:6:10.0.0.7', '1:2:3:4::/64'],
  ['64:ff9b::10.0.0.7', '64:ff9b:0:0::/64'],
  ['key 5f0c3d9b21aa', 'key 5f0c3d9b21aa'],
])('%s counts as %s', (address, network) => expect(toNetworkKey(address)).toBe(network));

test('a caller that changes its address within its own network gets no further requests', () => {
  const limiter = createRateLimiter(2, manualClock());
  const remaining = (address: string) => limiter.take(address).remaining;
  expect([remaining('2001:db8::1'), remaining('2001:db8::2'), remaining('2001:db8:0:1::1')]).toEqual([1, 0, 1]);
});

test('nor more guesses', () => {
  const received: string[] = [];
  const onFailure = (what: string, address: string) => void received.push(`${what} ${address}`);
  const guesses = createLockout({ clock: manualClock(), onFailure });
  for (let n = 1; n <= 1_000; n++) guesses.failed(`2001:db8::${n.toString(16)}`);
  expect([guesses.waitOf('2001:db8::ffff'), guesses.waitOf('2001:db8:0:1::1')]).toEqual([60_000, 0]);
  expect(received).toEqual(['failed 2001:db8::1', 'locked 2001:db8::3e8']);
});
