// Browsers send the `secureName` cookie even in the web page's frames, and no other host can set it. Some refuse it
// over plain HTTP, so `plainName` is set as well in that case. Programs receive neither.

const secureName = '__Host-corral_preview';
const plainName = 'corral_preview';
const isOurs = (name: string | undefined) => name === secureName || name === plainName;

const pairs = (header: string | undefined) => (header ?? '').split(/;\s*/).filter((pair) => pair !== '');
const nameOf = (pair: string) => pair.split('=', 1)[0]?.trim();

/** Lists the `secureName` cookie's token first. */
export function parsePreviewTokens(header: string | undefined): string[] {
  const own = pairs(header).filter((pair) => isOurs(nameOf(pair)));
  const ordered = own.sort((a, b) => Number(nameOf(b) === secureName) - Number(nameOf(a) === secureName));
  return ordered.slice(0, 4).map((pair) => pair.slice(pair.indexOf('=') + 1));
}

export function withoutPreviewCookies(
  header: string | undefined,
  isCredential: (value: string) => boolean = () => false,
): string | undefined {
  const kept = pairs(header).filter(
    (pair) => !isOurs(nameOf(pair)) && !isCredential(pair.slice(pair.indexOf('=') + 1)),
  );
  return kept.length === 0 ? undefined : kept.join('; ');
}

export function createPreviewCookies(
  token: string,
  { seconds, isSecure }: { seconds: number; isSecure: boolean },
): string[] {
  const life = `Path=/; Max-Age=${seconds}; HttpOnly`;
  const safe = `${secureName}=${token}; ${life}; Secure; SameSite=None; Partitioned`;
  return isSecure ? [safe] : [safe, `${plainName}=${token}; ${life}; SameSite=Lax`];
}

export function restrictCookieToHost(value: string): string | undefined {
  if (isOurs(nameOf(value))) return undefined;
  return value
    .split(';')
    .filter((part, at) => at === 0 || !/^\s*domain\s*=/i.test(part))
    .join(';');
}
