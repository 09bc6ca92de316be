import type { FetchLike } from '@modelcontextprotocol/client';
import { AppError } from '../../core/errors/errors.ts';
import type { Secret } from '../../core/text/secret.ts';

/** Resolves with undefined if there is no token. Pass a refused token to get a newer one, if any. */
export type TokenSource = (refused?: Secret) => Promise<Secret | undefined>;

/** Retries once with a newer token after 401. Rejects with unauthorized if no token is accepted. */
export function createTokenFetch(fetch: FetchLike, address: string, tokenOf: TokenSource): FetchLike {
  const own = placeOf(address);
  return async (url, init) => {
    if (placeOf(url) !== own) return await fetch(url, init);
    const token = await tokenOf();
    const first = await fetch(url, withBearerToken(init, token));
    if (first.status !== 401) return first;
    await first.body?.cancel();
    const next = token && (await tokenOf(token));
    if (!next || next.equals(token)) throw refusal(token);
    const second = await fetch(url, withBearerToken(init, next));
    if (second.status !== 401) return second;
    await second.body?.cancel();
    throw refusal(next);
  };
}

const placeOf = (url: string | URL): string => {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
};

export function withBearerToken(init: RequestInit | undefined, token: Secret | undefined): RequestInit {
  const headers = new Headers(init?.headers);
  if (token) headers.set('authorization', `Bearer ${token.reveal()}`);
  return { ...init, headers };
}

/** Omits the tool server's text, which may repeat the token. */
const refusal = (token: Secret | undefined) =>
  new AppError(
    'unauthorized',
    token
      ? "it rejected the vault's credential. Update the credential; the next call uses the new one."
      : 'it requires a credential, and no vault of the session has one for its address.',
  );
