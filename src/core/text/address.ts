import { isIPv6 } from 'node:net';

/** The rate-limit key. IPv6 addresses share a key per /64, because one machine can use all of it. */
export function toNetworkKey(address: string): string {
  if (!isIPv6(address)) return address;
  const [bare = ''] = address.split('%');
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(bare) ?? [];
  if (mapped !== undefined) return mapped;
  const [head = '', tail] = bare.split('::');
  const groups = (text: string) => text.split(':').filter((group) => group !== '');
  const left = groups(head);
  const right = groups(tail ?? '');
  // a trailing IPv4 address replaces two groups
  const taken = left.length + right.length + (right.at(-1)?.includes('.') ? 1 : 0);
  const all = [...left, ...new Array<string>(Math.max(0, 8 - taken)).fill('0'), ...right];
  const first = all.slice(0, 4).map((group) => Number.parseInt(group, 16).toString(16));
  return `${first.join(':')}::/64`;
}
