import { canonicalAddress } from './addresses.ts';

/** Where a sandbox wants to go: a lower-case host name or a canonical address, and a port. */
export interface Target {
  readonly host: string;
  readonly port: number;
  /** `odd`: neither a name nor an address as everybody writes it, such as 0x7f.1; never let through. */
  readonly kind: 'name' | 'address' | 'odd';
}

/** `host:port`, `[v6]:port`, or without the port where there is a default; undefined when it is not even that. */
export function parseAuthority(text: string, defaultPort?: number): Target | undefined {
  const match = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_.-]{1,254})(?::(\d{1,5}))?$/.exec(text);
  if (!match?.[1]) return undefined;
  const port = match[2] === undefined ? defaultPort : Number(match[2]);
  if (port === undefined || port < 1 || port > 65_535) return undefined;
  return targetOf(match[1].replace(/^\[(.*)\]$/, '$1'), port);
}

export function targetOf(rawHost: string, port: number): Target {
  const address = canonicalAddress(rawHost);
  if (address !== undefined) return { host: address, port, kind: 'address' };
  const host = rawHost.toLowerCase().replace(/\.$/, '');
  return { host: printable(host), port, kind: isName(host) ? 'name' : 'odd' };
}

/** Letters, digits, - and _ in labels; a last label that is a number would be read as an address by somebody. */
function isName(host: string): boolean {
  const labels = host.split('.');
  const last = labels.at(-1) ?? '';
  if (host.length > 253 || /^(\d+|0x[0-9a-f]*)$/.test(last)) return false;
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
}

export const authorityOf = ({ host, port }: { host: string; port: number }): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

// Whatever a sandbox sends as a name ends in the session's log and in status lines.
const printable = (host: string): string => host.slice(0, 253).replace(/[^\x21-\x7e]/g, '?');
