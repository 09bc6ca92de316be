import { BlockList, isIPv4, isIPv6, SocketAddress } from 'node:net';
import { AppError } from '../../../core/errors/errors.ts';

/**
 * Ranges that no policy opens: this host, its private networks, the cloud's metadata service, and the translations of
 * IPv4 that can lead back to them.
 */
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
  '::/96', // unspecified, ::1, and IPv4 addresses in the old compatible form
  '::ffff:0:0:0/96', // IPv4 addresses as translators write them: the range contains all of IPv4
  '64:ff9b::/96',
  '64:ff9b:1::/48', // NAT64 of a local network: the range contains all of IPv4
  '2002::/16', // 6to4: likewise
  'fc00::/7',
  'fe80::/10',
  'fec0::/10', // site-local, deprecated but still routed in some networks
  'ff00::/8',
];

export interface AddressRules {
  /** CIDR ranges that sandboxes may reach although they are private. */
  readonly allowRanges?: readonly string[];
  /** CIDR ranges to refuse in addition to the private ones. They win over `allowRanges`. */
  readonly denyRanges?: readonly string[];
}

/** An address in canonical notation, an IPv4-mapped one as IPv4; undefined for any other text. */
export function canonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

/**
 * Returns the check whether a sandbox can connect to an address. The check is false for text that is not an address.
 * Throws: invalid_request (a range that cannot be parsed).
 */
export function addressCheck(rules: AddressRules): (address: string) => boolean {
  const table = rangeList(privateRanges);
  const allowed = rangeList(rules.allowRanges ?? []);
  const denied = rangeList(rules.denyRanges ?? []);
  return (text) => {
    const address = canonicalAddress(text);
    if (address === undefined || denied(address)) return false;
    const isMapped = isIPv4(address) && !isIPv4(text); // ::ffff:0:0/96: no name of the public network leads there
    return allowed(address) || (!isMapped && !table(address));
  };
}

// One list per family: a BlockList compares across families, and a rule for ::/96 must not meet IPv4.
function rangeList(ranges: readonly string[]): (canonical: string) => boolean {
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const range of ranges) {
    const [text = '', bits, ...rest] = range.trim().split('/');
    const address = canonicalAddress(text);
    const family = address !== undefined && isIPv4(address) ? 'ipv4' : 'ipv6';
    const most = family === 'ipv4' ? 32 : 128;
    const prefix = bits === undefined ? most : /^\d{1,3}$/.test(bits) ? Number(bits) : Number.NaN;
    if (address === undefined || rest.length > 0 || !(prefix <= most)) {
      throw new AppError('invalid_request', `"${range}" is not an address range; write it like 192.0.2.0/24.`);
    }
    lists[family].addSubnet(address, prefix, family);
  }
  return (address) => (isIPv4(address) ? lists.ipv4.check(address, 'ipv4') : lists.ipv6.check(address, 'ipv6'));
}
