import { z } from 'zod';
import { parseJson } from '../../core/text/json.ts';
import { Secret } from '../../core/text/secret.ts';
import { withoutSecret } from '../../core/text/secret-forms.ts';
import type { CredentialSecrets, CredentialTestResponse, OAuthRefresh } from '../api/server/vaults.ts';

/** Connects only to public addresses, and follows no redirects, because they could send a secret elsewhere. */
export type VaultFetch = (url: string, init: RequestInit) => Promise<Response>;

export type RefreshOutcome =
  | {
      readonly outcome: 'succeeded';
      readonly token: Secret;
      /** Absent: the current refresh token stays valid. */
      readonly refreshToken?: Secret;
      /** Null: not specified. */
      readonly lifeMs: number | null;
    }
  | { readonly outcome: 'failed'; readonly answer: CredentialTestResponse }
  | { readonly outcome: 'connect_error' };

const maxBytes = 64 * 1024;
const shownChars = 1_000;
const tokenLimits = { maxBytes, maxDepth: 5, maxValues: 200 };
const headerToken = z.string().regex(/^[\x21-\x7e]+$/);
const Granted = z.object({
  access_token: headerToken,
  refresh_token: headerToken.nullish(),
  expires_in: z.coerce
    .number()
    .positive()
    .max(10 ** 9)
    .nullish()
    .catch(null),
});

/** Requests a new access token (RFC 6749, section 6). Rejects only when its signal fires. */
export async function requestToken(
  { clientId, tokenEndpoint, clientAuth, scope, resource }: OAuthRefresh,
  secrets: CredentialSecrets,
  { fetch, signal }: { readonly fetch: VaultFetch; readonly signal: AbortSignal },
): Promise<RefreshOutcome> {
  const { refreshToken, clientSecret } = secrets;
  const form = new URLSearchParams({ grant_type: 'refresh_token', refresh_token: refreshToken?.reveal() ?? '' });
  if (scope !== null) form.set('scope', scope);
  if (resource !== null) form.set('resource', resource);
  const headers = new Headers({
    'content-type': 'application/x-www-form-urlencoded',
    accept: 'application/json',
  });
  const secret = clientSecret?.reveal() ?? '';
  if (clientAuth === 'client_secret_basic') headers.set('authorization', basic(clientId, secret));
  else form.set('client_id', clientId);
  if (clientAuth === 'client_secret_post') form.set('client_secret', secret);
  try {
    const response = await fetch(tokenEndpoint, { method: 'POST', headers, body: form.toString(), signal });
    const text = await readBodyText(response);
    const json = response.ok && text.length <= maxBytes ? parseJson(text, tokenLimits) : undefined;
    const granted = Granted.safeParse(json?.ok ? json.value : undefined);
    if (!granted.success) return { outcome: 'failed', answer: toTestResponse(response, text, secrets) };
    const { access_token: token, refresh_token: next, expires_in: seconds } = granted.data;
    return {
      outcome: 'succeeded',
      token: new Secret(token),
      ...(next && { refreshToken: new Secret(next) }),
      lifeMs: seconds == null ? null : seconds * 1_000,
    };
  } catch {
    return { outcome: 'connect_error' };
  }
}

/** Both parts are form-encoded, because a colon separates them. */
function basic(id: string, secret: string): string {
  const encoded = (text: string) => new URLSearchParams({ v: text }).toString().slice(2);
  return `Basic ${Buffer.from(`${encoded(id)}:${encoded(secret)}`).toString('base64')}`;
}

/** Reads only the start of a body, because a server can send any amount. */
export async function readBodyText({ body }: Response): Promise<string> {
  if (!body) return '';
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size > maxBytes) break; // ends the stream
  }
  return Buffer.concat(parts).toString();
}

/** Masks secrets, because a server can repeat request data. */
export function toTestResponse(
  { status, headers }: Response,
  text: string,
  secrets: CredentialSecrets,
): CredentialTestResponse {
  const all = [secrets.token, secrets.refreshToken, secrets.clientSecret].flatMap((one) => one ?? []);
  const body = all.reduce((masked, secret) => withoutSecret(masked, secret, '[redacted]'), text);
  return {
    status,
    contentType: headers.get('content-type') ?? '',
    body: body.slice(0, shownChars),
    isCut: body.length > shownChars,
  };
}
