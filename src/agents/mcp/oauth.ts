import {
  discoverOAuthServerInfo,
  exchangeAuthorization,
  type FetchLike,
  type OAuthServerInfo,
  refreshAuthorization,
  registerClient,
  startAuthorization,
} from '@modelcontextprotocol/client';
import { AppError } from '../../core/errors/errors.ts';
import { findExceededJsonLimit } from '../../core/text/json.ts';
import { truncateEnd } from '../../core/text/text.ts';
import { ClientRegistration, OAuthCredentials, type PendingSignIn } from './access.ts';

// OAuth 2.1 sign-in for MCP, with dynamic client registration.

export interface OAuthContext {
  readonly url: string;
  readonly fetch: FetchLike;
  readonly now: () => number;
  readonly signal: AbortSignal;
}
const maxBytes = 256 * 1024;
const answerLimits = { maxDepth: 30, maxValues: 5_000 };

/** Rejects with unsupported and the reason. */
export async function beginSignIn(
  requested: { readonly returnTo: string; readonly state: string },
  asking: OAuthContext,
): Promise<{ readonly address: string; readonly begun: PendingSignIn }> {
  const { returnTo, state } = requested;
  const fetchFn = bounded(asking);
  return await withReadableErrors('The sign-in could not be started', async () => {
    const info = await discover(asking.url, fetchFn);
    const { authorizationServerUrl: issuer, authorizationServerMetadata: metadata, resourceMetadata } = info;
    const scope = resourceMetadata?.scopes_supported?.join(' ');
    const registered = await registerClient(issuer, {
      ...(metadata && { metadata }),
      clientMetadata: {
        client_name: 'Corral',
        redirect_uris: [returnTo],
        grant_types: ['authorization_code', 'refresh_token'],
        response_types: ['code'],
        token_endpoint_auth_method: 'none',
      },
      ...(scope && { scope }),
      fetchFn,
    });
    const client = ClientRegistration.parse(registered);
    const { authorizationUrl, codeVerifier } = await startAuthorization(issuer, {
      ...(metadata && { metadata }),
      clientInformation: client,
      redirectUrl: returnTo,
      state,
      ...(scope && { scope }),
      ...resourceOf(info),
    });
    const address = authorizationUrl.href;
    if (!/^https?:$/.test(authorizationUrl.protocol) || address.length > 8_000) {
      throw new AppError('unsupported', 'the server returned an address that browsers cannot open');
    }
    return { address, begun: { issuer, state, verifier: codeVerifier, client, returnTo, startedAt: asking.now() } };
  });
}

/** Rejects with unsupported and the reason. */
export async function completeSignIn(
  {
    begun,
    code,
    issuer,
  }: { readonly begun: PendingSignIn; readonly code: string; readonly issuer: string | undefined },
  asking: OAuthContext,
): Promise<OAuthCredentials> {
  const fetchFn = bounded(asking);
  return await withReadableErrors('The sign-in was not completed', async () => {
    const info = await sameIssuer(begun.issuer, asking.url, fetchFn);
    const tokens = await exchangeAuthorization(info.authorizationServerUrl, {
      ...(info.authorizationServerMetadata && { metadata: info.authorizationServerMetadata }),
      clientInformation: begun.client,
      authorizationCode: code,
      ...(issuer !== undefined && { iss: issuer }),
      codeVerifier: begun.verifier,
      redirectUri: begun.returnTo,
      ...resourceOf(info),
      fetchFn,
    });
    return toAccess(tokens, begun, asking);
  });
}

/** Rejects with unsupported and the reason, such as an expired sign-in. */
export async function refreshCredentials(access: OAuthCredentials, asking: OAuthContext): Promise<OAuthCredentials> {
  const { refreshToken, client } = access;
  if (refreshToken === undefined) throw new AppError('unsupported', 'Its sign-in has expired.');
  const fetchFn = bounded(asking);
  return await withReadableErrors('Its sign-in has ended', async () => {
    const info = await sameIssuer(access.issuer, asking.url, fetchFn);
    const tokens = await refreshAuthorization(info.authorizationServerUrl, {
      ...(info.authorizationServerMetadata && { metadata: info.authorizationServerMetadata }),
      clientInformation: client,
      refreshToken,
      ...resourceOf(info),
      fetchFn,
    });
    return toAccess(tokens, access, asking);
  });
}

const discover = (url: string, fetchFn: FetchLike): Promise<OAuthServerInfo> =>
  discoverOAuthServerInfo(url, { fetchFn });

/** Prevents a tool server from diverting one authorization server's credentials to another. */
async function sameIssuer(issuer: string, url: string, fetchFn: FetchLike): Promise<OAuthServerInfo> {
  const info = await discover(url, fetchFn);
  if (info.authorizationServerUrl === issuer) return info;
  throw new AppError('unsupported', 'the server now uses another authorization server; sign in again');
}

const resourceOf = ({ resourceMetadata }: OAuthServerInfo) =>
  resourceMetadata ? { resource: resourceMetadata.resource } : {};

interface Tokens {
  readonly access_token: string;
  readonly refresh_token?: string | undefined;
  readonly expires_in?: number | undefined;
}
const toAccess = (
  { access_token, refresh_token, expires_in }: Tokens,
  { issuer, client }: Pick<OAuthCredentials, 'issuer' | 'client'>,
  { now }: OAuthContext,
): OAuthCredentials =>
  OAuthCredentials.parse({
    issuer,
    client,
    accessToken: access_token,
    refreshToken: refresh_token,
    expiresAt: expires_in === undefined ? undefined : now() + expires_in * 1_000,
  });

async function withReadableErrors<Value>(what: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (thrown) {
    const text = thrown instanceof AppError ? thrown.publicMessage : String((thrown as Error).message);
    throw new AppError('unsupported', `${what}: ${truncateEnd(text, 500)}`, { cause: thrown });
  }
}

/** The guarded fetch accepts form bodies only as text. */
function bounded({ fetch, signal }: OAuthContext): FetchLike {
  return async (url, init) => {
    const headers = new Headers(init?.headers);
    const { body } = init ?? {};
    const isForm = body instanceof URLSearchParams;
    if (isForm && !headers.has('content-type')) headers.set('content-type', 'application/x-www-form-urlencoded');
    const response = await fetch(url, { ...init, headers, signal, ...(isForm && { body: body.toString() }) });
    const { status, headers: reply } = response;
    const kept: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of response.body ?? []) {
      size += chunk.length;
      if (size > maxBytes) throw new AppError('unsupported', 'its response is larger than 256 KiB');
      kept.push(chunk);
    }
    const bytes = Buffer.concat(kept);
    const complaint = findExceededJsonLimit(bytes, answerLimits);
    if (complaint !== undefined) throw new AppError('unsupported', `its response is ${complaint}`);
    return new Response(size === 0 ? null : bytes, { status, headers: reply });
  };
}
