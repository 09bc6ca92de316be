import { expect, test } from 'vitest';
import { lockout } from '../../../src/auth/lockout.ts';
import { manualClock } from '../../support/machines/manual-clock.ts';

function gate() {
  const clock = manualClock(0);
  const told: string[] = [];
  const it = lockout({ clock, onFailure: (what, address) => told.push(`${what} ${address}`) });
  const fail = (address: string, times: number) => {
    for (let n = 0; n < times; n++) it.failed(address);
  };
  return { clock, told, it, fail };
}

test('F134 an address is locked out for a minute after a thousand wrong credentials, and it is told once', () => {
  const { clock, told, it, fail } = gate();
  fail('a', 999);
  expect(it.waitOf('a')).toBe(0);
  fail('a', 1);
  expect([it.waitOf('a'), it.waitOf('b')]).toEqual([60_000, 0]);
  fail('a', 1_000);
  expect(told).toEqual(['failed a', 'locked a']);
  clock.advance(59_999);
  expect(it.waitOf('a')).toBe(1);
  clock.advance(1);
  expect(it.waitOf('a')).toBe(0);
});

test('wrong credentials of more than a minute ago are forgotten', () => {
  const { clock, it, fail } = gate();
  fail('a', 999);
  clock.advance(60_000);
  fail('a', 999);
  expect(it.waitOf('a')).toBe(0);
});

test('F104 ten thousand addresses are remembered and no more: the quietest is forgotten', () => {
  const { it, fail } = gate();
  fail('first', 1_000);
  fail('second', 1_000);
  for (let n = 0; n < 9_999; n++) it.failed(`10.0.${n >> 8}.${n & 255}`);
  expect([it.waitOf('first'), it.waitOf('second')]).toEqual([0, 60_000]);
});
