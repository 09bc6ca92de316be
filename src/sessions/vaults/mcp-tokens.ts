import { z } from 'zod';
import { createTimeoutSignal } from '../../core/concurrency/cancel.ts';
import { ServerComponent, type ServerDependencies } from '../../core/contracts/server-parts.ts';
import { AppError, ignoreNotFound, toAppError } from '../../core/errors/errors.ts';
import { canUseResource, type ResourceOwnership } from '../../core/model/access/holder.ts';
import { vaultKind } from '../../core/model/records.ts';
import type { SessionVaults } from '../../core/model/tool-server.ts';
import { parseJson } from '../../core/text/json.ts';
import { Secret } from '../../core/text/secret.ts';
import { maskSecret } from '../../core/text/secret-forms.ts';
import type {
  CredentialSecrets,
  CredentialTestResponse,
  CredentialTestResult,
  CredentialVault,
  OAuthRefresh,
  VaultCredential,
} from '../api/server/vaults.ts';
import type { CredentialRecords, StoredCredential } from './credential-records.ts';

interface Deps extends Pick<ServerDependencies, 'clock' | 'records' | 'warn'> {
  readonly credentials: CredentialRecords;
  readonly fetch: VaultFetch;
  /** Called for a credential whose token endpoint returns no new token. */
  readonly onFailure: (credential: VaultCredential, vault: ResourceOwnership) => Promise<void>;
}
/** Tokens that expire within this time are replaced before use. */
const spareMs = 60_000;
const withinMs = 10_000;
/** Delay before the next refresh after a failed one, in ms. */
const restMs = 30_000;
const maxRemembered = 1_000;

export class McpTokenProvider extends ServerComponent<Deps> {
  /**
   * Keyed by credential id. Concurrent callers share one refresh, because reusing a refresh token can revoke the grant.
   */
  readonly #refreshing = new Map<string, Promise<RefreshOutcome>>();
  readonly #refused = new Map<string, { readonly version: number; readonly at: number }>();

  /** Uses the first vault with a token for `url`. `refused`: a token that the tool server rejected. */
  async of(url: string, { ids, session }: SessionVaults, refused?: Secret): Promise<Secret | undefined> {
    for (const id of ids) {
      const found = await this.#inVault({ id, session }, url);
      const secrets = found && (await this.#findSecrets(found));
      if (secrets) return await this.#usable(found, secrets, refused);
    }
    return undefined;
  }

  /** Rejects: invalid_request (not an OAuth credential), not_found (archived or deleted), cancelled. */
  async try(at: StoredCredential, signal: AbortSignal): Promise<CredentialTestResult> {
    const { auth } = at.credential;
    if (auth.type !== 'mcp_oauth')
      throw new AppError('invalid_request', 'Only a credential of the type mcp_oauth can be validated.');
    const secrets = await this.deps.credentials.readSecrets(at);
    const { now } = this.deps.clock;
    const common = { at: now(), hasRefreshToken: auth.refresh !== null };
    let answer = await this.#initialize(auth.mcpServerUrl, secrets, signal);
    let refresh: CredentialTestResult['refresh'] = null;
    if (answer?.status === 401) {
      const outcome = auth.refresh ? await this.#refreshed(at, secrets, auth.refresh) : undefined;
      refresh = {
        outcome: outcome?.outcome ?? 'no_refresh_token',
        answer: outcome?.outcome === 'failed' ? outcome.answer : null,
      };
      if (outcome?.outcome === 'succeeded')
        answer = await this.#initialize(auth.mcpServerUrl, { ...secrets, token: outcome.token }, signal);
    }
    const isValid = answer !== undefined && answer.status < 300;
    const isRefused = answer?.status === 401 || answer?.status === 403;
    return {
      ...common,
      verdict: isValid ? 'valid' : isRefused ? 'invalid' : 'unknown',
      failedAt: isValid ? null : { method: 'initialize', answer: answer ?? null },
      refresh,
    };
  }

  async #inVault(
    { id, session }: { id: string; session: ResourceOwnership },
    url: string,
  ): Promise<StoredCredential | undefined> {
    const vault = (await this.deps.records.get(vaultKind, id))?.doc as CredentialVault | undefined;
    if (vault?.archivedAt !== null || !canUseResource(session, vault)) return undefined;
    return await this.deps.credentials.findFor(id, url);
  }
  async #findSecrets(at: StoredCredential): Promise<CredentialSecrets | undefined> {
    return await this.deps.credentials.readSecrets(at).catch(ignoreNotFound);
  }

  async #usable(at: StoredCredential, secrets: CredentialSecrets, refused: Secret | undefined): Promise<Secret> {
    const { auth, id } = at.credential;
    if (auth.type !== 'mcp_oauth' || auth.refresh === null) return secrets.token;
    const now = this.deps.clock.now();
    const isOld = auth.expiresAt !== null && auth.expiresAt - now < spareMs;
    const isRefused = secrets.token.equals(refused);
    if (!isOld && !isRefused) return secrets.token;
    const last = this.#refused.get(id);
    if (last?.version === at.version && now - last.at < restMs) return secrets.token;
    const outcome = await this.#refreshed(at, secrets, auth.refresh);
    return outcome.outcome === 'succeeded' ? outcome.token : secrets.token;
  }

  #refreshed(at: StoredCredential, secrets: CredentialSecrets, refresh: OAuthRefresh): Promise<RefreshOutcome> {
    const { id } = at.credential;
    const running = this.#refreshing.get(id);
    if (running) return running;
    const begun = this.#refresh(at, secrets, refresh).finally(() => this.#refreshing.delete(id));
    this.#refreshing.set(id, begun);
    return begun;
  }
  async #refresh(at: StoredCredential, secrets: CredentialSecrets, refresh: OAuthRefresh): Promise<RefreshOutcome> {
    const { clock, credentials, fetch, warn, records, onFailure } = this.deps;
    using until = createTimeoutSignal(withinMs, clock);
    const outcome = await requestToken(refresh, secrets, { fetch, signal: until.signal });
    const { credential } = at;
    const names = { vault: credential.vaultId, credential: credential.id };
    if (outcome.outcome !== 'succeeded') {
      const newer = await this.#changedMeanwhile(at, secrets);
      if (newer) return newer;
      const status = outcome.outcome === 'failed' ? ` (status ${outcome.answer.status})` : '';
      warn(names, `the token of a tool server could not be refreshed: ${outcome.outcome}${status}`);
      if (this.#refused.size >= maxRemembered) this.#refused.clear();
      this.#refused.set(credential.id, { version: at.version, at: clock.now() });
      const vault = await records.get(vaultKind, credential.vaultId);
      if (vault) await onFailure(credential, vault.doc as ResourceOwnership);
      return outcome;
    }
    const now = clock.now();
    const expiresAt = outcome.lifeMs === null ? null : now + outcome.lifeMs;
    const next = { ...credential, auth: { ...credential.auth, expiresAt }, updatedAt: now };
    const { token, refreshToken = secrets.refreshToken } = outcome;
    try {
      await credentials.change(at, next, { ...secrets, token, refreshToken });
    } catch (thrown) {
      if (toAppError(thrown).code !== 'conflict') throw thrown;
      // In the meantime, another server or a user has stored a different token or archived the credential.
      return (await this.#changedMeanwhile(at, secrets)) ?? outcome;
    }
    return outcome;
  }
  async #changedMeanwhile({ credential }: StoredCredential, before: CredentialSecrets) {
    const { id, vaultId } = credential;
    const found = await this.deps.credentials.find(vaultId, id).catch(ignoreNotFound);
    const now = found?.credential.archivedAt === null ? await this.#findSecrets(found) : undefined;
    if (!now || now.token.equals(before.token)) return undefined;
    return { outcome: 'succeeded', token: now.token, lifeMs: null } as const;
  }

  async #initialize(
    url: string,
    secrets: CredentialSecrets,
    signal: AbortSignal,
  ): Promise<CredentialTestResponse | undefined> {
    const { fetch, clock } = this.deps;
    using until = createTimeoutSignal(withinMs, clock, signal);
    const authorization = `Bearer ${secrets.token.reveal()}`;
    const headers = {
      authorization,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
    };
    try {
      const response = await fetch(url, { method: 'POST', headers, body: initialize, signal: until.signal });
      if (!response.ok) return toTestResponse(response, await readBodyText(response), secrets);
      await response.body?.cancel();
      const session = response.headers.get('mcp-session-id');
      if (session !== null) {
        const ending = { method: 'DELETE', headers: { authorization, 'mcp-session-id': session } };
        const ended = await fetch(url, { ...ending, signal: until.signal }).catch(() => undefined);
        await ended?.body?.cancel();
      }
      return toTestResponse(response, '', secrets);
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }
}
const initialize = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'corral', version: '1' } },
});

/** Connects only to public addresses. Never follows redirects, which could send a secret elsewhere. */
export type VaultFetch = (url: string, init: RequestInit) => Promise<Response>;

type RefreshOutcome =
  | {
      readonly outcome: 'succeeded';
      readonly token: Secret;
      /** Absent if the current refresh token stays valid. */
      readonly refreshToken?: Secret;
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

/** RFC 6749, section 6. Never rejects: without a response, the outcome is `connect_error`. */
async function requestToken(
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

/** Reads only the start, because a third-party server can send any amount of data. */
async function readBodyText({ body }: Response): Promise<string> {
  if (!body) return '';
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size > maxBytes) break;
  }
  return Buffer.concat(parts).toString();
}

/** A third-party server may echo request data, so secrets are masked. */
function toTestResponse(
  { status, headers }: Response,
  text: string,
  secrets: CredentialSecrets,
): CredentialTestResponse {
  const all = [secrets.token, secrets.refreshToken, secrets.clientSecret].flatMap((one) => one ?? []);
  const body = all.reduce((masked, secret) => maskSecret(masked, secret, '[redacted]'), text);
  return {
    status,
    contentType: headers.get('content-type') ?? '',
    body: body.slice(0, shownChars),
    isCut: body.length > shownChars,
  };
}
