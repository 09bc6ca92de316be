// The token comes in the link that the server prints; it is kept for this tab alone, and out of the address bar.

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

/** A browser's WebSocket can send no header of ours, so the token travels among the protocols that it offers. */
export function protocols(token) {
  if (!token) return ['corral'];
  const bytes = new TextEncoder().encode(token);
  const base64 = btoa(String.fromCharCode(...bytes));
  return ['corral', `corral.bearer.${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`];
}
