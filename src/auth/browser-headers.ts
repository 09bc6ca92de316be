import type { IncomingHttpHeaders } from 'node:http';

// Checks the headers by which a browser describes a web page's request. They protect a server on loopback from other
// pages: DNS rebinding shows in Host, another site's page in Origin and Sec-Fetch-Site.

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/**
 * Whether a server on loopback answers a request with this Host: one of its own names, or one that the operator listed.
 */
export function hostAllowed(host: string | undefined, extra: readonly string[]): boolean {
  const parsed = parseHost(host);
  if (!parsed) return false;
  if (loopbackNames.has(parsed.name)) return true;
  return extra.some((entry) => {
    const wanted = parseHost(entry);
    return wanted?.name === parsed.name && (wanted.port === '' || wanted.port === parsed.port);
  });
}

/**
 * `own`: this server's page, or no page at all. `listed`: a page of an origin that the operator allowed. `foreign`: any
 * other page.
 */
export type Page = 'own' | 'listed' | 'foreign';

/** The kind of page that sent the request. */
export function pageOf(headers: IncomingHttpHeaders, origins: readonly string[]): Page {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined && (site === undefined || site === 'none')) return 'own'; // no browser, or a typed address
  if (site === 'same-origin') return 'own';
  if (origin === undefined) return 'foreign';
  if (sameOrigin(origin, host)) return 'own';
  return originAllowed(origin, origins) ? 'listed' : 'foreign';
}

export function originAllowed(origin: string | undefined, origins: readonly string[]): origin is string {
  return origin !== undefined && origins.includes(origin);
}

/**
 * Host and port are equal. A Host without a port has the scheme's default port: another port is another program's page.
 */
function sameOrigin(origin: string, host: string | undefined): boolean {
  const ours = parseHost(host);
  const theirs = /^(https?):\/\/(.+)$/i.exec(origin);
  const page = parseHost(theirs?.[2]);
  if (!ours || !page || !theirs) return false;
  if (ours.name !== page.name) return false;
  const implied = theirs[1]?.toLowerCase() === 'https' ? '443' : '80';
  return (ours.port || implied) === (page.port || implied);
}

function parseHost(host: string | undefined): { name: string; port: string } | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+)(?::(\d{1,5}))?$/i.exec(host ?? '');
  return match?.[1] ? { name: match[1].toLowerCase(), port: match[2] ?? '' } : undefined;
}
