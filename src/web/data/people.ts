import { signal } from '@preact/signals';
import type { Outputs } from '../../client/types.ts';
import { buildAuthorizationHeaders, forgetToken, takeUrlParameters } from './token.ts';

// The browser holds the sign-in session in an HttpOnly cookie, which scripts cannot read.

export const currentUser = signal<Outputs['people']['me'] | undefined>(undefined);
export interface SignInProvider {
  readonly id: string;
  readonly name: string;
}

/** Undefined: the request failed. */
async function request<Answer>(path: string, init: RequestInit = {}): Promise<Answer | undefined> {
  const response = await fetch(path, { ...init, headers: buildAuthorizationHeaders() }).catch(() => undefined);
  return response?.ok ? ((await response.json()) as Answer) : undefined;
}

export async function loadCurrentUser(): Promise<void> {
  currentUser.value = (await request<Outputs['people']['me']>('/api/v1/people/me')) ?? currentUser.value;
}

/** Empty if the request fails. */
export const readSignInProviders = async (): Promise<readonly SignInProvider[]> =>
  (await request<{ providers: readonly SignInProvider[] }>('/sign-in'))?.providers ?? [];

export function signInWith({ id }: SignInProvider): void {
  forgetToken(); // a refused token would take precedence over the cookie
  const returnTo = location.pathname + location.search + location.hash;
  location.assign(`/sign-in/${id}?returnTo=${encodeURIComponent(returnTo)}`);
}

export const consumeSignInErrorFromUrl = (): string | undefined => takeUrlParameters('sign-in')[0];

/** Signs the user out of Corral, and out of the provider if possible. */
export async function signOut(): Promise<void> {
  const answer = await request<{ location: string | null }>('/sign-in/end', { method: 'POST' });
  location.assign(answer?.location ?? '/');
}
