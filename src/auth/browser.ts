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

/** `own`: no page at all, or one of ours. `listed`: of an origin that the operator trusts to read. */
export type Page = 'own' | 'listed' | 'foreign';

/** By whose page a request was made. */
export function pageOf(headers: IncomingHttpHeaders, origins: readonly string[]): Page {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  if (origin === undefined && (site === undefined || site === 'none')) return 'own'; // no browser, or typed by its user
  if (site === 'same-origin') return 'own';
  if (origin === undefined) return 'foreign';
  if (sameOrigin(origin, host)) return 'own';
  return originAllowed(origin, origins) ? 'listed' : 'foreign';
}

export function originAllowed(origin: string | undefined, origins: readonly string[]): origin is string {
  return origin !== undefined && origins.includes(origin);
}

/** Host and port are equal. A Host without a port is that of the scheme: another port is another program's page. */
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
