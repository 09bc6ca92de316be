import { toCanonicalAddress } from '../../core/text/address-range.ts';

export interface EgressTarget {
  readonly host: string;
  readonly port: number;
  /** `odd`: neither, for example `0x7f.1`. Every policy refuses it. */
  readonly kind: 'name' | 'address' | 'odd';
}

/** Parses `host:port` or `[v6]:port`. Undefined if invalid, or if there is neither a port nor a default. */
export function parseHostPort(text: string, defaultPort?: number): EgressTarget | undefined {
  const match = /^(\[[0-9a-fA-F:.]{2,45}\]|[A-Za-z0-9_.-]{1,254})(?::(\d{1,5}))?$/.exec(text);
  if (!match?.[1]) return undefined;
  const port = match[2] === undefined ? defaultPort : Number(match[2]);
  if (port === undefined || port < 1 || port > 65_535) return undefined;
  return toEgressTarget(match[1].replace(/^\[(.*)\]$/, '$1'), port);
}

export function toEgressTarget(rawHost: string, port: number): EgressTarget {
  const address = toCanonicalAddress(rawHost);
  if (address !== undefined) return { host: address, port, kind: 'address' };
  const host = rawHost.toLowerCase().replace(/\.$/, '');
  return { host: printable(host), port, kind: isName(host) ? 'name' : 'odd' };
}

/** Rejects a numeric last label, because some programs parse it as an address. */
function isName(host: string): boolean {
  const labels = host.split('.');
  const last = labels.at(-1) ?? '';
  if (host.length > 253 || /^(\d+|0x[0-9a-f]*)$/.test(last)) return false;
  return labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label));
}

export const formatHostPort = ({ host, port }: { host: string; port: number }): string =>
  `${host.includes(':') ? `[${host}]` : host}:${port}`;

// Makes the sandbox's name safe for the session's log and HTTP status lines.
const printable = (host: string): string => host.slice(0, 253).replace(/[^\x21-\x7e]/g, '?');
