import { signal } from '@preact/signals';
import { mutate, toErrorText } from '../../data/server.ts';
import { t } from '../../text/text.ts';

// Uses this tab for authorization, because only this tab has the page's token.

const key = 'corral.signIn';

export const toolServerSignInResult = signal('');

export async function beginToolServerSignIn(name: string): Promise<void> {
  const { address } = await mutate('toolServers.beginSignIn', { name, returnTo: location.origin + location.pathname });
  sessionStorage.setItem(key, name);
  location.assign(address);
}

interface SignInReturn {
  readonly name: string;
  readonly answer: URLSearchParams;
}

export function consumeAuthorizationResponse(): SignInReturn | undefined {
  const name = sessionStorage.getItem(key);
  const url = new URL(location.href);
  const answer = url.searchParams;
  if (name === null || !answer.has('state') || !(answer.has('code') || answer.has('error'))) return undefined;
  sessionStorage.removeItem(key);
  history.replaceState(null, '', url.pathname + url.hash);
  return { name, answer };
}

export async function completeToolServerSignIn({ name, answer }: SignInReturn): Promise<void> {
  try {
    const refusal = answer.get('error_description') ?? answer.get('error');
    if (refusal !== null) throw new Error(refusal.slice(0, 300));
    const issuer = answer.get('iss');
    await mutate('toolServers.endSignIn', {
      name,
      state: answer.get('state') ?? '',
      code: answer.get('code') ?? '',
      ...(issuer !== null && { issuer }),
    });
    toolServerSignInResult.value = t('toolServers.signedIn', { name });
  } catch (thrown) {
    toolServerSignInResult.value = t('notDone', { what: t('toolServers.notSignedIn'), why: toErrorText(thrown) });
  }
}
