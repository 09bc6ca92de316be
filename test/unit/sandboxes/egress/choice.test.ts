import { describe, expect, test } from 'vitest';
import type { EgressRestriction } from '../../../../src/core/model/sandboxes/egress-choice.ts';
import { decideByPolicy } from '../../../../src/sandboxes/egress/open-upstream.ts';
import { parseHostPort } from '../../../../src/sandboxes/egress/target.ts';

/** `free`: at any address. `decided`: its addresses decide. */
function verdict(within: EgressRestriction | undefined, authority: string, kind = 'web') {
  const target = parseHostPort(authority);
  if (!target) return 'malformed';
  const found = decideByPolicy({ kind, entries: ['listed.example'], within }, { registries: [], extra: [] }, target);
  if (!found.allowed) return found.rule;
  return found.admits ? 'decided' : 'free';
}
function admitted(within: EgressRestriction, addresses: string[]): boolean[] {
  const target = parseHostPort('b.example:443') as never;
  const found = decideByPolicy({ kind: 'web', within }, { registries: [], extra: [] }, target);
  return addresses.map((address) => found.allowed && (found.admits?.(address) ?? true));
}

describe('rules of a session', () => {
  const some = { allow: ['192.0.2.7', 'a.example', '*.c.example'], deny: ['192.0.2.0/24', '2001:db8::/32'] };
  const only = { allow: ['192.0.2.0/25', 'a.example'], deny: ['0.0.0.0/0', '::/0'] };
  test.each([
    ['an allowed name', some, 'a.example:443', 'free'],
    ['an allowed name with a final dot', some, 'A.example.:443', 'free'],
    ['a name below an allowed one', some, 'x.c.example:80', 'free'],
    ['a name that only ends like an allowed one', some, 'xa.example:443', 'decided'],
    ['any other name', some, 'b.example:443', 'decided'],
    ['a denied address', some, '192.0.2.8:443', 'not chosen'],
    ['a denied address, mapped', some, '[::ffff:192.0.2.8]:443', 'not chosen'],
    ['a denied address, mapped in hex', some, '[::ffff:c000:208]:443', 'not chosen'],
    ['a denied address of IPv6 in another notation', some, '[2001:0DB8::0:1]:443', 'not chosen'],
    ['an address that is denied and allowed', some, '192.0.2.7:443', 'free'],
    ['the same, mapped', some, '[::ffff:192.0.2.7]:443', 'free'],
    ['any other address', some, '198.51.100.7:443', 'free'],
    ['an address in an odd notation', some, '0300.0.2.8:443', 'malformed host'],
    ['a number', some, '3221226000:443', 'malformed host'],
    ['a user before the host', some, 'a.example@192.0.2.8:443', 'malformed'],
    ['a port that the policy closes', some, '198.51.100.7:22', 'port not allowed'],
    ['an allowed range alone', only, '192.0.2.127:443', 'free'],
    ['its neighbour', only, '192.0.2.128:443', 'not chosen'],
    ['an address of the other family', only, '[2001:db8::1]:443', 'not chosen'],
    ['a name beside allowed ranges', only, 'b.example:443', 'decided'],
  ])('%s', (_, within, authority, expected) => expect(verdict(within, authority)).toBe(expected));

  test('open nothing that the policy closes', () => {
    const all = { allow: ['192.0.2.0/24', 'a.example', '::/0'], deny: ['198.51.100.7'] };
    for (const kind of ['none', 'allow-list', 'registries']) {
      expect(verdict(all, '192.0.2.7:443', kind)).not.toBe('free');
      expect(verdict(all, 'a.example:443', kind)).not.toMatch('free|decided');
    }
    expect(verdict(all, 'listed.example:443', 'allow-list')).toBe('decided');
  });
  test('decide on the addresses of a name, in every notation; an allowed one wins', () => {
    const addresses = [
      ...['192.0.2.7', '192.0.2.8', '::ffff:192.0.2.8', '64:ff9b::c000:208', '198.51.100.1', '2001:db8::1'],
    ];
    expect(admitted(some, addresses)).toEqual([true, false, false, false, true, false]);
    const expected = [...[true, true, true, true, false, false], ...[false, false]];
    expect(admitted(only, [...addresses, '192.0.2.200', 'no address'])).toEqual(expected);
  });
  test('that deny everything and allow no address need no look-up of a name', () => {
    expect(verdict({ allow: ['a.example'], deny: ['0.0.0.0/0', '::/0'] }, 'b.example:443')).toBe('not chosen');
    expect(verdict({ allow: [], deny: ['0.0.0.0/0'] }, 'b.example:443')).toBe('decided'); // it can have IPv6 addresses
  });
  test('that cannot be read allow nothing', () =>
    expect(() => verdict({ allow: [], deny: ['192.0.2'] }, '198.51.100.7:443')).toThrow('not an address range'));
});
