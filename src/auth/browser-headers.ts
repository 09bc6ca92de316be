import type { IncomingHttpHeaders } from 'node:http';

// Host reveals DNS rebinding; Origin and Sec-Fetch-Site reveal requests from other sites.

const loopbackNames = new Set(['localhost', '127.0.0.1', '[::1]']);

export function isHostAllowed(host: string | undefined, extra: readonly string[]): boolean {
  const parsed = parseHost(host);
  if (!parsed) return false;
  if (loopbackNames.has(parsed.name)) return true;
  return extra.some((entry) => {
    const requested = parseHost(entry);
    return requested?.name === parsed.name && (requested.port === '' || requested.port === parsed.port);
  });
}

const developmentPorts = [3000, 5173, 5174];
/** Any program can listen on these development servers' ports and serve any page. */
export const developmentOrigins: readonly string[] = ['localhost', '127.0.0.1'].flatMap((name) =>
  developmentPorts.map((port) => `http://${name}:${port}`),
);

/**
 * `own`: this server's page, or no page. `named`: an origin on the operator's list. `default`: one of
 * `developmentOrigins`, if the operator has no list. `foreign`: any other page.
 */
export type RequestOriginKind = 'own' | 'named' | 'default' | 'foreign';

export function classifyRequestOrigin(
  headers: IncomingHttpHeaders,
  named: readonly string[] | undefined,
): RequestOriginKind {
  const { origin, host } = headers;
  const site = headers['sec-fetch-site'];
  const saysOther = site !== undefined && site !== 'none' && site !== 'same-origin';
  // No Origin header: the user typed the URL, this server's page sent a GET, or the client is not a browser.
  if (origin === undefined) return saysOther ? 'foreign' : 'own';
  if (site === 'same-origin') return 'own';
  // Sec-Fetch-Site is more reliable than comparing Origin with Host, because a proxy may drop the port.
  if (!saysOther && sameOrigin(origin, host)) return 'own';
  if (!isOriginAllowed(origin, named)) return 'foreign';
  return named ? 'named' : 'default';
}

export function isOriginAllowed(origin: string | undefined, named: readonly string[] | undefined): origin is string {
  return origin !== undefined && (named ?? developmentOrigins).includes(origin);
}

/** A Host without a port means the default port of the origin's scheme. */
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
