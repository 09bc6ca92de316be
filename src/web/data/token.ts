// Only this tab keeps the token.

const key = 'corral.token';

export function takeUrlParameters(...names: readonly string[]): (string | undefined)[] {
  const url = new URL(location.href);
  const values = names.map((name) => url.searchParams.get(name) ?? undefined);
  for (const name of names) url.searchParams.delete(name);
  if (values.some((value) => value !== undefined)) history.replaceState(null, '', url.pathname + url.search + url.hash);
  return values;
}

export function consumeTokenFromUrl(): void {
  const [value] = takeUrlParameters('token');
  if (value) saveToken(value);
}

export const readToken = (): string | undefined => sessionStorage.getItem(key) ?? undefined;

export const saveToken = (token: string): void => sessionStorage.setItem(key, token);

export const forgetToken = (): void => sessionStorage.removeItem(key);

export function buildAuthorizationHeaders(): Record<string, string> {
  const token = readToken();
  return token ? { authorization: `Bearer ${token}` } : {};
}

/** A browser's WebSocket cannot send `Authorization`, so the token is sent as a subprotocol. */
export function buildTokenProtocols(): string[] {
  const token = readToken();
  if (!token) return ['corral'];
  const base64 = btoa(String.fromCharCode(...new TextEncoder().encode(token)));
  return ['corral', `corral.bearer.${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`];
}
