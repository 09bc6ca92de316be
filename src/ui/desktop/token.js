// The token comes in the link that the server prints. It is kept for this tab only and removed from the address bar.

const key = 'corral.token';

export function takeToken() {
  const url = new URL(location.href);
  const given = url.searchParams.get('token');
  if (given) {
    sessionStorage.setItem(key, given);
    url.searchParams.delete('token');
    history.replaceState(null, '', url.pathname + url.search + url.hash);
  }
  return sessionStorage.getItem(key);
}

export const heldToken = () => sessionStorage.getItem(key);

export const keepToken = (token) => sessionStorage.setItem(key, token);

export const authorization = (token) => (token ? { authorization: `Bearer ${token}` } : {});

/** A browser's WebSocket cannot send our header, so the token travels among its subprotocols. */
export function protocols(token) {
  if (!token) return ['corral'];
  const bytes = new TextEncoder().encode(token);
  const base64 = btoa(String.fromCharCode(...bytes));
  return ['corral', `corral.bearer.${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`];
}
