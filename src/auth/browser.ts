import type { IncomingHttpHeaders } from 'node:http';

// What a browser tells about a request that a web page made, against pages that want to use a server on loopback:
// DNS rebinding shows in Host, a foreign page in Origin and Sec-Fetch-Site.

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

/** Whether a server on loopback may answer to this Host: its own names, or what the operator listed. */
export function hostAllowed(host: string | undefined, extra: readonly string[]): boolean {
  const parsed = parseHost(host);
  if (!parsed) return false;
  if (loopbackNames.has(parsed.name)) return true;
  return extra.some((entry) => {
    const wanted = parseHost(entry);
    return wanted?.name === parsed.name && (wanted.port === '' || wanted.port === parsed.port);
  });
}

/** Made by a page that is neither ours nor on the list; such a request may read nothing and do nothing. */
export function isForeign(headers: IncomingHttpHeaders, origins: readonly string[]): boolean {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined && (site === undefined || site === 'none')) return false; // no browser, or typed by its user
  if (site === 'same-origin') return false;
  if (origin === undefined) return true;
  return !originAllowed(origin, origins) && !sameOrigin(origin, host);
}

export function originAllowed(origin: string | undefined, origins: readonly string[]): origin is string {
  return origin !== undefined && origins.includes(origin);
}

/** Host and port are equal; or the names are, where a proxy dropped the port from Host. */
function sameOrigin(origin: string, host: string | undefined): boolean {
  const ours = parseHost(host);
  const theirs = /^(https?):\/\/(.+)$/i.exec(origin);
  const page = parseHost(theirs?.[2]);
  if (!ours || !page || !theirs) return false;
  if (ours.name !== page.name) return false;
  const implied = theirs[1]?.toLowerCase() === 'https' ? '443' : '80';
  return ours.port === '' || ours.port === (page.port || implied);
}

function parseHost(host: string | undefined): { name: string; port: string } | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[^\s:/@[\]]+)(?::(\d{1,5}))?$/i.exec(host ?? '');
  return match?.[1] ? { name: match[1].toLowerCase(), port: match[2] ?? '' } : undefined;
}
