import { describe, expect, test } from 'vitest';
import { parseAddressRange, toCanonicalAddress } from '../../../../src/core/text/address-range.ts';
import {
  createAddressCheck,
  createTranslationAwareRangeCheck,
  isUnreachableRange,
} from '../../../../src/sandboxes/egress/fetch/addresses.ts';

// Both edges of each range with its neighbours outside, and every known way to disguise an address.
const cases = {
  public: [
    ...['1.0.0.0', '9.255.255.255', '11.0.0.0', '100.63.255.255', '100.128.0.0', '126.255.255.255', '128.0.0.0'],
    ...['169.253.255.255', '169.255.0.0', '172.15.255.255', '172.32.0.0', '192.0.1.0', '192.167.255.255'],
    ...['198.17.255.255', '198.20.0.0', '223.255.255.255'],
    ...['::fffe:203.0.113.7', '::ffff:1:0:1', '2001:db8::1', 'fbff::1'],
  ],
  private: [
    ...['0.0.0.0', '0.255.255.255', '10.0.0.0', '10.255.255.255', '100.64.0.0', '100.127.255.255'],
    ...['127.0.0.1', '127.255.255.255', '169.254.169.254', '172.16.0.0', '172.31.255.255', '192.0.0.8'],
    ...['192.168.0.0', '192.168.255.255', '198.18.0.0', '198.19.255.255', '224.0.0.1', '239.255.255.255'],
    ...['240.0.0.0', '255.255.255.255'],
    ...['::', '::1', '0:0:0:0:0:0:0:1', '::127.0.0.1', '::ffff:127.0.0.1', '::ffff:7f00:1', '::FFFF:169.254.169.254'],
    ...['0:0:0:0:0:ffff:a00:1', '::ffff:203.0.113.7', '::ffff:cb00:7107', '0:0:0:0:0:ffff:cb00:7107'],
    ...['::ffff:0:127.0.0.1', '::ffff:0:203.0.113.7', '::ffff:0:cb00:7107', '64:ff9b::a9fe:a9fe', '64:ff9b:1::1'],
    ...['2002:7f00:1::', 'fc00::1', 'fd00:ec2::254', 'fe80::1', 'febf::1', 'fec0::1', 'ff02::1'],
  ],
  odd: [
    ...['fe80::1%eth0', '0177.0.0.1', '0x7f.0.0.1', '2130706433', '127.1', '127.0.0.01', '1.2.3.4.5', '1.2.3.256'],
    ...[' 1.2.3.4', '[::1]', ''],
  ],
};
test.each(Object.entries(cases).flatMap(([kind, all]) => all.map((address) => [address, kind])))(
  'F132 %s is %s',
  (address, kind) => {
    expect(toCanonicalAddress(address) === undefined).toBe(kind === 'odd');
    expect(createAddressCheck({})(address)).toBe(kind === 'public');
  },
);

test('the allowed ranges of the operator open their part of the table, and no more', () => {
  const reachable = createAddressCheck({ allowRanges: ['10.1.0.0/16', 'fd12::/16'] });
  const expected = [true, true, true, false, false];
  expect(['10.1.2.3', '::ffff:10.1.2.3', 'fd12::1', '10.2.0.1', 'fd13::1'].map(reachable)).toEqual(expected);
});

test('the denied ranges of the operator win over everything', () => {
  const reachable = createAddressCheck({ allowRanges: ['10.0.0.0/8'], denyRanges: ['10.0.0.1', '203.0.113.0/24'] });
  expect(['10.0.0.1', '10.0.0.2', '203.0.113.9', '203.0.114.9'].map(reachable)).toEqual([false, true, false, true]);
});

describe('a range', () => {
  test.each([
    ['192.0.2.0/24', '192.0.2.0/24'],
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7/32', '192.0.2.7'],
    ['192.0.2.7/24', '192.0.2.7/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['192.0.2.7/0', '0.0.0.0/0'],
    ['2001:DB8:0::/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::ffff:c000:207/120', '192.0.2.7/24'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['::1/0', '::/0'],
  ])('%s is %s', (text, canonical) => expect(parseAddressRange(text)?.text).toBe(canonical));

  test.each([
    ...['', '/', '/24', '192.0.2/24', '192.0.2.0/', '192.0.2.0/33', '192.0.2.0/-1', '192.0.2.0/08', '192.0.2.0/0x8'],
    ...[
      ...['0300.0.2.0/24', '192.0.2.01', '0xc0.0.2.0', '3221225984', '127.1', '192.0.2.0/24/8'],
      '192.0.2.0/255.255.255.0',
    ],
    ...[' 192.0.2.0/24', '192.0.2.0 /24', '192.0.2.0/24\n', '192.0.2.0/2 4', '192.0.2.0:80', '[2001:db8::]/32'],
    ...['2001:db8::/129', 'fe80::1%eth0/64', '::ffff:192.0.2.0/95', '::ffff:0:0/80', 'a.example', 'a.example/24', '*'],
  ])('%j is none', (text) => expect(parseAddressRange(text)).toBeUndefined());
});

test('a range of IPv4 has its addresses in every notation that can lead to them, and no others', () => {
  const list = createTranslationAwareRangeCheck(['192.0.2.0/24', '2001:db8:1::/48']);
  const isIn = (text: string) => list(toCanonicalAddress(text) ?? text);
  const inside = [
    ...['192.0.2.0', '192.0.2.255', '::ffff:192.0.2.1', '::FFFF:c000:201', '64:ff9b::c000:201', '::192.0.2.1'],
  ];
  expect([...inside, '::ffff:0:c000:2ff', '2002:c000:2ff::1', '2001:db8:1:ffff::'].map(isIn)).not.toContain(false);
  const outside = [
    ...['192.0.1.255', '192.0.3.0', '::ffff:192.0.3.0', '64:ff9b::c000:301', '2002:c000:300::', '2001:db8:2::'],
  ];
  expect([...outside, '::ffff:0:192.0.3.1'].map(isIn)).not.toContain(true);
  expect(createTranslationAwareRangeCheck([])('192.0.2.1')).toBe(false);
  expect(() => createTranslationAwareRangeCheck(['192.0.2'])).toThrow('not an address range');
});

test.each([
  ['10.1.0.0/16', [], true],
  ['127.0.0.1', [], true],
  ['169.254.169.254', ['10.0.0.0/8'], true],
  ['fd00::/16', [], true],
  ['10.1.0.0/16', ['10.1.2.3'], false],
  ['10.1.2.3', ['10.0.0.0/8'], false],
  ['10.0.0.0/7', [], false],
  ['192.0.2.0/24', [], false],
  ['0.0.0.0/0', [], false],
  ['2001:db8::/32', [], false],
])('%s, where %j are opened, is private as a whole: %s', (range, opened, isPrivate) =>
  expect(isUnreachableRange(range, opened)).toBe(isPrivate),
);

test.each(['10.0.0.0/33', '10.0.0/8', 'fd00::/129', 'example.test/8', '10.0.0.0/8/8', '10.0.0.0/-1', '10.0.0.0/'])(
  'a range that cannot be is refused at start: %s',
  (range) => expect(() => createAddressCheck({ allowRanges: [range] })).toThrow(/not an address range/),
);
