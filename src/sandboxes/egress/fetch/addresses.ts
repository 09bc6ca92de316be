import { BlockList, isIPv4 } from 'node:net';
import { AppError } from '../../../core/errors/errors.ts';
import { type AddressRange, parseAddressRange, toCanonicalAddress } from '../../../core/text/address-range.ts';

/** No policy can allow these: private addresses and IPv4 translations that can lead to them. */
const privateRanges = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '::/96', // unspecified, ::1, and the deprecated IPv4-compatible addresses
  '::ffff:0:0:0/96', // IPv4-translated addresses: the range contains all of IPv4
  '64:ff9b::/96',
  '64:ff9b:1::/48', // local-use NAT64: the range contains all of IPv4
  '2002::/16', // 6to4: the range contains all of IPv4
  'fc00::/7',
  'fe80::/10',
  'fec0::/10', // site-local, deprecated but still routed in some networks
  'ff00::/8',
];

export interface AddressRules {
  readonly allowRanges?: readonly string[];
  /** CIDR ranges to refuse in addition to private ranges, even if `allowRanges` contains them. */
  readonly denyRanges?: readonly string[];
}

/** An invalid address fails the check. Throws: invalid_request (a range that cannot be parsed). */
export function createAddressCheck(rules: AddressRules): (address: string) => boolean {
  const table = createRangeCheck(privateRanges);
  const allowed = createRangeCheck(rules.allowRanges ?? []);
  const denied = createRangeCheck(rules.denyRanges ?? []);
  return (text) => {
    const address = toCanonicalAddress(text);
    if (address === undefined || denied(address)) return false;
    const isMapped = isIPv4(address) && !isIPv4(text); // in ::ffff:0:0/96, which no public name resolves to
    return allowed(address) || (!isMapped && !table(address));
  };
}

export function isUnreachableRange(text: string, allowRanges: readonly string[]): boolean {
  const range = rangeOrThrow(text);
  const overlaps = (other: AddressRange) => contains(range, other) || contains(other, range);
  return (
    privateRanges.map(rangeOrThrow).some((whole) => contains(whole, range)) &&
    !allowRanges.map(rangeOrThrow).some(overlaps)
  );
}

const contains = (whole: AddressRange, part: AddressRange): boolean =>
  whole.family === part.family && whole.prefix <= part.prefix && listOf([whole])(part.address);

/** Throws: invalid_request (a range that cannot be parsed). */
export function createRangeCheck(ranges: readonly string[]): (canonical: string) => boolean {
  return listOf(ranges.map(rangeOrThrow));
}

/** Also matches IPv6 translations of an IPv4 range, which could lead to a denied address. Throws: invalid_request. */
export const createTranslationAwareRangeCheck = (ranges: readonly string[]): ((canonical: string) => boolean) =>
  listOf(ranges.map(rangeOrThrow).flatMap((range) => [range, ...translated(range)]));

function translated({ address, prefix, family }: AddressRange): AddressRange[] {
  if (family === 'ipv6') return [];
  const hex = address
    .split('.')
    .map((byte) => Number(byte).toString(16).padStart(2, '0'))
    .join('');
  const forms = [
    { address: `64:ff9b::${address}`, prefix: 96 + prefix },
    { address: `::ffff:0:${address}`, prefix: 96 + prefix },
    { address: `::${address}`, prefix: 96 + prefix },
    { address: `2002:${hex.slice(0, 4)}:${hex.slice(4)}::`, prefix: 16 + prefix },
  ];
  return forms.map((form) => ({ ...form, text: `${form.address}/${form.prefix}`, family: 'ipv6' }));
}

// One list per family, because a BlockList rule for ::/96 would also match IPv4.
function listOf(ranges: readonly AddressRange[]): (canonical: string) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const { address, prefix, family } of ranges) lists[family].addSubnet(address, prefix, family);
  return (address) => (isIPv4(address) ? lists.ipv4.check(address, 'ipv4') : lists.ipv6.check(address, 'ipv6'));
}

function rangeOrThrow(text: string): AddressRange {
  const range = parseAddressRange(text.trim());
  if (range) return range;
  throw new AppError('invalid_request', `"${text}" is not an address range; write it like 192.0.2.0/24.`);
}
