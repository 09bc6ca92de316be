import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { authorization, forgetToken } from './token.ts';

// The person who signed in with an identity provider. The browser keeps the sign-in in a cookie that scripts cannot
// read.

/** The caller; undefined until the server answered. */
export const currentUser = signal<Outputs['people']['me'] | undefined>(undefined);
export interface Provider {
  readonly id: string;
  readonly name: string;
}

const request = (path: string, init: RequestInit = {}) =>
  fetch(path, { ...init, headers: authorization() }).catch(() => undefined);

export async function loadCurrentUser(): Promise<void> {
  const response = await request('/api/v1/people/me');
  if (response?.ok) currentUser.value = (await response.json()) as Outputs['people']['me'];
}

/** The providers that people can sign in with; none without a connection. */
export async function readProviders(): Promise<readonly Provider[]> {
  const response = await request('/sign-in');
  return response?.ok ? ((await response.json()) as { providers: readonly Provider[] }).providers : [];
}

const refusal = 'sign-in';

/** Goes to the provider, which sends the browser back to the current address. */
export function signInWith({ id }: Provider): void {
  forgetToken(); // a refused token would take precedence over the cookie
  const url = new URL(location.href);
  url.searchParams.delete(refusal);
  const returnTo = url.pathname + url.search + url.hash;
  location.assign(`/sign-in/${id}?returnTo=${encodeURIComponent(returnTo)}`);
}

/** Takes the reason why the last sign-in failed, as the server's code, out of the address. */
export function readSignInError(): string | undefined {
  const url = new URL(location.href);
  const reason = url.searchParams.get(refusal) ?? undefined;
  url.searchParams.delete(refusal);
  if (reason !== undefined) history.replaceState(null, '', url.pathname + url.search + url.hash);
  return reason;
}

/** Ends this browser's session here and at the provider, if the provider has a page for that. */
export async function signOut(): Promise<void> {
  const response = await request('/sign-in/end', { method: 'POST' });
  const { location: next } = response?.ok
    ? ((await response.json()) as { readonly location: string | null })
    : { location: null };
  location.assign(next ?? '/');
}
