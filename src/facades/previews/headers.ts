import type { OutgoingHttpHeaders } from 'node:http';
import { restrictCookieToHost } from '../shared/previews/cookies.ts';
import { parseConnectionHeader, rewriteHeaders, withoutHopByHopHeaders } from '../shared/previews/port-relay.ts';
import type { MatchedPreview } from './target.ts';

// Many development servers accept only a local Host and Origin.

const notForPrograms = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'te', 'proxy-authorization', 'host'],
  ...['x-access-token', 'e2b-traffic-access-token'], // these tokens grant access to the whole sandbox
  ...['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-forwarded-port', 'x-real-ip'],
]);
/** Removed when the program is served under a path of this server. */
const ofThePage = new Set(['cookie', 'authorization', 'origin', 'referer']);

export function toUpstreamHeaders(
  { headers, of, byHost }: MatchedPreview,
  scheme: 'http' | 'https',
): OutgoingHttpHeaders {
  const local = `localhost:${of}`;
  const own = `${scheme}://${headers.host}`;
  const hops = parseConnectionHeader(headers.connection);
  const kept = Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined || notForPrograms.has(name) || hops.includes(name) || (!byHost && ofThePage.has(name)))
      return [];
    if (name === 'origin') return [[name, value === own ? `http://${local}` : value]];
    if (name === 'referer')
      return `${value}`.startsWith(`${own}/`) ? [[name, `http://${local}${`${value}`.slice(own.length)}`]] : [];
    return [[name, value]];
  });
  const forwarded = byHost ? { 'x-forwarded-host': headers.host, 'x-forwarded-proto': scheme } : {};
  return { Host: local, ...Object.fromEntries(kept), ...forwarded };
}

const notForNames = new Set(['x-frame-options']);

export function rewriteHeadersForSubdomain(raw: readonly string[], port: number): string[] {
  const kept = rewriteHeaders(withoutHopByHopHeaders(raw, notForNames), (name, value) => {
    if (name === 'set-cookie') return restrictCookieToHost(value);
    if (name === 'location' || name === 'content-location') return localPath(value, port) ?? value;
    if (name === 'refresh') return localRefresh(value, port);
    if (name.startsWith('content-security-policy')) return withoutAncestors(value);
    return value;
  });
  // Without rules of the program, a browser guesses how long a file stays new, and shows an old one.
  const hasRules = raw.some((name, at) => at % 2 === 0 && /^(?:cache-control|expires)$/i.test(name));
  return hasRules ? kept : [...kept, 'Cache-Control', 'no-cache'];
}

/** Other response headers of a program served under a path could affect the server's whole origin. */
const underPath = new Set([
  ...['content-type', 'content-length', 'content-encoding', 'content-language', 'content-disposition', 'content-range'],
  ...['accept-ranges', 'etag', 'last-modified', 'date', 'vary', 'location', 'retry-after', 'allow'],
]);

export function rewriteHeadersForPath(raw: readonly string[], port: number, base: string): string[] {
  const kept = rewriteHeaders(withoutHopByHopHeaders(raw), (name, value) => {
    if (!underPath.has(name)) return undefined;
    if (name !== 'location') return value;
    const path = localPath(value, port) ?? value;
    return path.startsWith('/') && !path.startsWith('//') ? `${base}${path}` : path;
  });
  return [...kept, ...Object.entries(opaqueOriginHeaders).flat()];
}

export const opaqueOriginHeaders = {
  'Content-Security-Policy':
    "sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads; frame-ancestors 'self'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Access-Control-Allow-Origin': '*',
  'Access-Control-Allow-Methods': '*',
  'Access-Control-Allow-Headers': '*',
  'Cache-Control': 'no-store',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
} as const;

export const untrustedFileHeaders = {
  ...opaqueOriginHeaders,
  'Content-Security-Policy': [
    'sandbox allow-scripts allow-forms allow-modals',
    "default-src 'self' 'unsafe-inline' data: blob:",
    "form-action 'self'",
    "frame-ancestors 'self'",
  ].join('; '),
  'X-DNS-Prefetch-Control': 'off',
} as const;

function localPath(location: string, port: number): string | undefined {
  const found = /^(?:https?:)?\/\/(?:localhost|127\.0\.0\.1|0\.0\.0\.0|\[::1?\])(?::(\d+))?(?=[/?#]|$)/i.exec(location);
  if (!found || Number(found[1] ?? 80) !== port) return undefined;
  const rest = location.slice(found[0].length);
  return `/${rest.replace(/^[/\\]+/, '')}`; // two leading slashes would mean another host
}
function localRefresh(value: string, port: number): string {
  const [, delay = '', address = ''] = /^([\d.]+\s*[;,]\s*url=['"]?)(.+)$/i.exec(value) ?? [];
  return delay === '' ? value : `${delay}${localPath(address, port) ?? address}`;
}

const withoutAncestors = (policy: string): string | undefined => {
  const kept = policy.split(';').filter((one) => !/^\s*frame-ancestors(\s|$)/i.test(one));
  return kept.join(';').trim() === '' ? undefined : kept.join(';');
};
