import { isIPv4, isIPv6, SocketAddress } from 'node:net';

export interface AddressRange {
  /** `address/prefix`, or a single address, in canonical form. */
  readonly text: string;
  readonly address: string;
  readonly prefix: number;
  readonly family: 'ipv4' | 'ipv6';
}

const bitsOf = { ipv4: 32, ipv6: 128 } as const;
export const fullAddressRanges = { ipv4: '0.0.0.0/0', ipv6: '::/0' } as const;
const mappedBits = 96;

/** Also converts IPv4-mapped addresses to IPv4. Undefined if `text` is not an address. */
export function toCanonicalAddress(text: string): string | undefined {
  if (isIPv4(text)) return text;
  if (!isIPv6(text) || text.includes('%')) return undefined;
  const { address } = new SocketAddress({ address: text, family: 'ipv6' });
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(address)?.[1] ?? address;
}

export function parseAddressRange(text: string): AddressRange | undefined {
  const [written = '', bits, ...rest] = text.split('/');
  const address = toCanonicalAddress(written);
  if (address === undefined || rest.length > 0) return undefined;
  if (bits !== undefined && !/^(0|[1-9]\d{0,2})$/.test(bits)) return undefined;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const all = bitsOf[family];
  const isMapped = family === 'ipv4' && !isIPv4(written);
  const prefix = bits === undefined ? all : Number(bits) - (isMapped ? mappedBits : 0);
  if (prefix < 0 || prefix > all) return undefined;
  if (prefix === 0) return { text: fullAddressRanges[family], address, prefix, family };
  return { text: prefix === all ? address : `${address}/${prefix}`, address, prefix, family };
}
