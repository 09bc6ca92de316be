import { createRemoteJWKSet, type JWTPayload, type JWTVerifyGetKey, errors as joseErrors, jwtVerify } from 'jose';
import * as oidc from 'openid-client';
import { z } from 'zod';
import { AppError } from '../../core/errors/errors.ts';
import { type IssuerSettings, type ProviderIdentity, toProviderIdentity } from './claims.ts';

const skewSeconds = 60;
const timeoutSeconds = 10;
const discoverEveryMs = 60 * 60_000;
export const DeviceTokens = z.object({
  refresh: z.string().optional(),
  idToken: z.string(),
  /** Whether the ID token contained the groups, so that a refresh without an ID token can keep them. */
  hasGroups: z.boolean(),
});
export type DeviceTokens = z.infer<typeof DeviceTokens>;

export interface SignInResult {
  readonly identity: ProviderIdentity;
  readonly tokens: DeviceTokens;
  readonly sid: string | null;
}
/** `gone`: the provider rejected the person or sent invalid data. `away`: no response, or it rejected the settings. */
export type RefreshResult =
  | { readonly state: 'gone' | 'away'; readonly cause: unknown }
  | {
      readonly state: 'here';
      readonly identity: ProviderIdentity;
      readonly keepsGroups: boolean;
      readonly tokens: DeviceTokens;
    };

export interface SignInChecks {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
}
export interface ProviderLogout {
  readonly subject: string | undefined;
  readonly sid: string | undefined;
  readonly atMs: number;
}

export const createSignInChecks = (): SignInChecks => ({
  state: oidc.randomState(),
  nonce: oidc.randomNonce(),
  verifier: oidc.randomPKCECodeVerifier(),
});

interface Discovered {
  readonly config: oidc.Configuration;
  /** The keys for tokens that come directly from the provider. */
  readonly keys: JWTVerifyGetKey;
  /** The keys for tokens that anyone can send. Fetches are rate-limited. */
  readonly guardedKeys: JWTVerifyGetKey;
  readonly at: number;
}
const strangersWaitMs = 5_000;

/** A code, token or user info is not valid, or belongs to another client, request or person. */
export class InvalidIdTokenError extends Error {}

export class Issuer {
  readonly settings: IssuerSettings;
  readonly #now: () => number;
  #known: Discovered | undefined;

  constructor(settings: IssuerSettings, now: () => number) {
    this.settings = settings;
    this.#now = now;
  }

  /** Rejects with provider_error if the provider does not answer. */
  async begin(redirectUri: string, { state, nonce, verifier }: SignInChecks): Promise<string> {
    const { config } = await this.#discovered();
    const { scopes_supported: offered = [] } = config.serverMetadata();
    const scopes = new Set([...this.settings.scopes, ...offered.filter((scope) => scope === 'offline_access')]);
    return oidc.buildAuthorizationUrl(config, {
      redirect_uri: redirectUri,
      scope: [...scopes].join(' '),
      state,
      nonce,
      code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
      ...createOfflineAccessParams(this.settings.issuer, scopes),
    }).href;
  }

  /** `answer`: where the provider redirected the browser. Rejects with InvalidIdTokenError or provider_error. */
  async finish(answer: URL, { state, nonce, verifier }: SignInChecks): Promise<SignInResult> {
    const { config, keys } = await this.#discovered();
    const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
    const tokens = await oidc.authorizationCodeGrant(config, answer, checks).catch((thrown: unknown) => {
      throw isOutage(thrown)
        ? this.#away(thrown)
        : new InvalidIdTokenError('the code or its answer is not valid', { cause: thrown });
    });
    const idToken = tokens.id_token ?? '';
    const claims = await this.#verified(idToken, keys);
    const all = { ...(await this.#userInfo(config, tokens.access_token, claims.sub ?? '')), ...claims };
    const { sid } = claims;
    return {
      identity: toProviderIdentity(all, this.settings),
      tokens: { ...this.#kept(tokens.refresh_token), idToken, hasGroups: this.#hasGroups(claims) },
      sid: typeof sid === 'string' ? sid : null,
    };
  }

  /** Never rejects. */
  async refresh(subject: string, before: DeviceTokens): Promise<RefreshResult> {
    try {
      const { config, keys } = await this.#discovered();
      const tokens = await oidc.refreshTokenGrant(config, before.refresh ?? '');
      const claims = tokens.id_token === undefined ? undefined : await this.#verified(tokens.id_token, keys);
      if (claims && claims.sub !== subject)
        throw new InvalidIdTokenError('the refreshed ID token is about another person');
      const info = await this.#userInfo(config, tokens.access_token, subject);
      const all = { sub: subject, ...info, ...claims };
      return {
        state: 'here',
        identity: toProviderIdentity(all, this.settings),
        keepsGroups: !claims && before.hasGroups && !this.#hasGroups(all),
        tokens: {
          ...this.#kept(tokens.refresh_token ?? before.refresh),
          idToken: tokens.id_token ?? before.idToken,
          hasGroups: claims ? this.#hasGroups(claims) : before.hasGroups,
        },
      };
    } catch (cause) {
      const isGone =
        cause instanceof InvalidIdTokenError || (cause instanceof oidc.ResponseBodyError && refusals.has(cause.error));
      return { state: isGone ? 'gone' : 'away', cause };
    }
  }

  /** Resolves with the sign-out address. Undefined if there is none or the provider does not respond. */
  async end(idToken: string, returnTo: string): Promise<string | undefined> {
    try {
      const { config } = await this.#discovered();
      if (config.serverMetadata().end_session_endpoint === undefined) return undefined;
      return oidc.buildEndSessionUrl(config, { id_token_hint: idToken, post_logout_redirect_uri: returnTo }).href;
    } catch {
      return undefined; // the session on this server has ended regardless
    }
  }

  /** Reads and verifies a back-channel logout token. Rejects with InvalidIdTokenError or provider_error. */
  async readLogout(token: string): Promise<ProviderLogout> {
    const { guardedKeys } = await this.#discovered();
    const claims = await this.#verified(token, guardedKeys, { requiredClaims: ['iat', 'jti', 'events'] });
    const { events, nonce, sub, sid, iat = 0 } = claims;
    const isLogout = typeof events === 'object' && events !== null && logoutEvent in events;
    if (!isLogout || nonce !== undefined) throw new InvalidIdTokenError('this is not a logout token');
    if (this.#now() - iat * 1_000 > maxLogoutAgeMs) throw new InvalidIdTokenError('the logout token is too old');
    if (sub === undefined && typeof sid !== 'string')
      throw new InvalidIdTokenError('the logout token names no session');
    return { subject: sub, sid: typeof sid === 'string' ? sid : undefined, atMs: iat * 1_000 };
  }

  async #verified(token: string, keys: JWTVerifyGetKey, more: { requiredClaims?: string[] } = {}): Promise<JWTPayload> {
    const { clientId: audience } = this.settings;
    const issuer = this.#known?.config.serverMetadata().issuer ?? this.settings.issuer;
    const checks = { issuer, audience, clockTolerance: skewSeconds, ...more };
    try {
      return (await jwtVerify(token, keys, checks)).payload;
    } catch (cause) {
      if (!(cause instanceof joseErrors.JOSEError) || cause instanceof joseErrors.JWKSTimeout) throw this.#away(cause);
      throw new InvalidIdTokenError('the ID token is not valid', { cause });
    }
  }

  async #userInfo(config: oidc.Configuration, accessToken: string, subject: string): Promise<object> {
    if (config.serverMetadata().userinfo_endpoint === undefined) return {};
    return await oidc.fetchUserInfo(config, accessToken, subject).catch((thrown: unknown) => {
      if (isOutage(thrown)) throw this.#away(thrown);
      throw new InvalidIdTokenError('the user info is not valid', { cause: thrown });
    });
  }

  #hasGroups = (claims: object): boolean =>
    Object.hasOwn(claims, this.settings.groupsClaim) ||
    Object.hasOwn(claims, this.settings.groupsClaim.split('.')[0] ?? '');

  #kept = (refresh: string | undefined) => ({ ...(refresh !== undefined && { refresh }) });

  async #discovered(): Promise<Discovered> {
    const known = this.#known;
    const now = this.#now();
    if (known && now - known.at < discoverEveryMs) return known;
    try {
      const { issuer, clientId, clientSecret } = this.settings;
      const insecure = issuer.startsWith('http:') ? [oidc.allowInsecureRequests] : [];
      const options = { execute: insecure, timeout: timeoutSeconds };
      const found = await oidc.discovery(new URL(issuer), clientId, {}, oidc.None(), options);
      const server = found.serverMetadata();
      const secret = clientSecret !== undefined && { client_secret: clientSecret };
      const metadata = { ...secret, [oidc.clockTolerance]: skewSeconds };
      const config = new oidc.Configuration(server, clientId, metadata, authentication(server, clientSecret));
      config.timeout = timeoutSeconds;
      for (const allow of insecure) allow(config);
      const from = new URL(server.jwks_uri ?? issuer);
      const keys = createRemoteJWKSet(from, { cooldownDuration: 0 });
      const guardedKeys = createRemoteJWKSet(from, { cooldownDuration: strangersWaitMs });
      this.#known = { config, keys, guardedKeys, at: now };
      return this.#known;
    } catch (cause) {
      if (known) return known;
      throw this.#away(cause);
    }
  }

  #away = (cause: unknown) =>
    new AppError('provider_error', `${this.settings.name} does not answer. Try again in a minute.`, { cause });
}

/** Refresh tokens require consent. Google uses a parameter instead of a scope. */
export function createOfflineAccessParams(issuer: string, scopes: ReadonlySet<string>): Record<string, string> {
  if (new URL(issuer).hostname === 'accounts.google.com') return { prompt: 'consent', access_type: 'offline' };
  return scopes.has('offline_access') ? { prompt: 'consent' } : {};
}

/** Error codes with which the provider rejects the person. All others concern this server's settings. */
const refusals = new Set([
  'invalid_grant',
  'access_denied',
  'interaction_required',
  'login_required',
  'consent_required',
  'account_selection_required',
]);
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout';
const maxLogoutAgeMs = 5 * 60_000;

function authentication(server: oidc.ServerMetadata, secret: string | undefined): oidc.ClientAuth {
  if (secret === undefined) return oidc.None();
  const offered = server.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
  return offered.includes('client_secret_post') ? oidc.ClientSecretPost(secret) : oidc.ClientSecretBasic(secret);
}

function isOutage(thrown: unknown): boolean {
  if (thrown instanceof oidc.AuthorizationResponseError) return false;
  if (thrown instanceof oidc.ResponseBodyError) return thrown.status >= 500 || !refusals.has(thrown.error);
  const { code, cause } = thrown as { code?: string; cause?: { status?: number } };
  return (
    code === undefined ||
    code === 'OAUTH_TIMEOUT' ||
    (code === 'OAUTH_RESPONSE_IS_NOT_CONFORM' && (cause?.status ?? 0) >= 500)
  );
}
