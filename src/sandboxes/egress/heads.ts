import type { IncomingMessage } from 'node:http';

const hopByHop = new Set([
  'connection',
  'expect', // answered by the proxy
  'host', // rewritten from the checked target
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export function keepEndToEndHeaders({
  rawHeaders,
  headers,
}: Pick<IncomingMessage, 'rawHeaders' | 'headers'>): string[] {
  const named = (headers.connection ?? '').toLowerCase().split(',');
  const drop = new Set([...hopByHop, ...named.map((name) => name.trim())]);
  drop.delete('content-length'); // the Connection header must not hide a body's length
  return withoutHeaders(rawHeaders, drop);
}

/** `all` alternates names and values. `drop` is in lower case. */
export const withoutHeaders = (all: readonly string[], drop: ReadonlySet<string>): string[] =>
  headersWhere(all, (name) => !drop.has(name));

export const pickHeaders = (all: readonly string[], keep: ReadonlySet<string>): string[] =>
  headersWhere(all, (name) => keep.has(name));

function headersWhere(all: readonly string[], isKept: (name: string) => boolean): string[] {
  const kept: string[] = [];
  for (let at = 0; at + 1 < all.length; at += 2) {
    const name = all[at] ?? '';
    if (isKept(name.toLowerCase())) kept.push(name, all[at + 1] ?? '');
  }
  return kept;
}

export const countHeadBytes = ({
  rawHeaders,
  url = '',
}: Pick<IncomingMessage, 'rawHeaders'> & { url?: string | undefined }) =>
  rawHeaders.reduce((sum, text) => sum + text.length + 2, url.length);
