import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, errors as joseErrors, jwtVerify } from 'jose';
import { z } from 'zod';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import { AppError } from '../../core/errors/errors.ts';
import { parseJsonWithinLimits } from '../../core/text/json.ts';

// Signing keys come from an address in the settings, never from an address in a token.

export const clockSkewMs = 30_000;
/** How long cached keys stay in use while the key endpoint is unreachable. */
export const signingKeyRetentionMs = 8 * 3_600_000;
/** Excludes symmetric algorithms: anyone with the public key could sign with them. */
const algorithms = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
];
const freshMs = 10 * 60_000;
/** Minimum time between reads, because anyone can trigger a read with an unknown key id. */
const pauseMs = 5_000;
const readMs = 10_000;
const limits = { maxBytes: 262_144, maxDepth: 8, maxValues: 5_000 };
const maxToken = 8_192;
const tokenForm = /^[\w-]+\.[\w-]+\.[\w-]+$/;

export const looksLikeSignedToken = (text: string): boolean => text.length <= maxToken && tokenForm.test(text);

const KeySet = z.object({
  keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().max(500).optional() })).max(100),
});
const Discovery = z.object({ issuer: z.string(), jwks_uri: z.string() });
const Header = z.object({ alg: z.enum(algorithms), kid: z.string().min(1).max(500) });

interface PublishedKeys {
  readonly set: ReturnType<typeof createLocalJWKSet>;
  readonly ids: ReadonlySet<string>;
  readonly at: number;
}
interface Options {
  readonly name: string;
  readonly from: { readonly keys: string } | { readonly issuer: string };
  readonly now: () => number;
  readonly warn: (about: object, text: string) => void;
}
export interface RequiredClaims {
  readonly issuer?: string | undefined;
  readonly audience: string | string[];
}

/** A type of its own, because the typed client's package has no `jose`. */
export interface VerifiedClaims {
  readonly [name: string]: unknown;
  readonly aud?: string | string[];
  readonly sub?: string;
  /** In seconds. */
  readonly exp: number;
}

export class SigningKeys extends ServerComponent<Options> {
  #known: PublishedKeys | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #reading: Promise<void> | undefined;

  /** Undefined if the token is invalid. Rejects with provider_error if no keys are known. */
  async verify(token: string, checks: RequiredClaims): Promise<{ claims: VerifiedClaims; kid: string } | undefined> {
    const kid = parseKeyId(token);
    if (kid === undefined) return undefined;
    if (!this.has(kid) || this.#isOld()) await this.refresh();
    if (!this.#current())
      throw new AppError('provider_error', `${this.deps.name} does not answer. Try again in a minute.`);
    if (!this.has(kid)) return undefined;
    const { issuer, audience } = checks;
    const rules = { audience, algorithms, clockTolerance: clockSkewMs / 1_000, requiredClaims: ['exp', 'sub'] };
    const at = { currentDate: new Date(this.deps.now()) };
    try {
      const { payload } = await jwtVerify(token, this.#current()?.set as PublishedKeys['set'], {
        ...rules,
        ...at,
        ...(issuer !== undefined && { issuer }),
      });
      return { claims: { ...payload, exp: payload.exp ?? 0 }, kid };
    } catch (thrown) {
      if (thrown instanceof joseErrors.JOSEError) return undefined;
      throw thrown;
    }
  }
  has = (kid: string): boolean => this.#current()?.ids.has(kid) ?? false;

  /** Runs at most once per `pauseMs`. Never rejects. */
  async refresh(): Promise<void> {
    const { now, warn, name } = this.deps;
    if (!this.#reading && now() - this.#triedAt < pauseMs) return;
    this.#reading ??= this.#read()
      .catch((err: unknown) => warn({ err, issuer: name }, 'the keys of an issuer of tokens could not be read'))
      .finally(() => {
        this.#reading = undefined;
      });
    await this.#reading;
  }
  async keepFresh(): Promise<void> {
    if (this.#isOld()) await this.refresh();
  }

  #isOld = (): boolean => this.deps.now() - (this.#known?.at ?? Number.NEGATIVE_INFINITY) >= freshMs;
  #current = (): PublishedKeys | undefined =>
    this.deps.now() - (this.#known?.at ?? Number.NEGATIVE_INFINITY) < signingKeyRetentionMs ? this.#known : undefined;

  async #read(): Promise<void> {
    const { from, now } = this.deps;
    this.#triedAt = now();
    const { keys } = KeySet.parse(await readJson('keys' in from ? from.keys : await readJwksUri(from.issuer)));
    const set = createLocalJWKSet({ keys } as JSONWebKeySet);
    this.#known = { set, ids: new Set(keys.flatMap(({ kid }) => kid ?? [])), at: now() };
  }
}

async function readJwksUri(issuer: string): Promise<string> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const { issuer: named, jwks_uri: keys } = Discovery.parse(await readJson(address));
  if (named !== issuer) throw new Error(`the description at ${address} is of another issuer`);
  if (new URL(keys).protocol !== 'https:' && new URL(issuer).protocol === 'https:')
    throw new Error(`the description at ${address} names keys without https`);
  return keys;
}

async function readJson(address: string): Promise<unknown> {
  const { ok, status, body } = await fetch(address, { redirect: 'error', signal: AbortSignal.timeout(readMs) });
  if (!ok || !body) throw new Error(`${address} answered ${status}`);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size > limits.maxBytes) throw new Error(`${address} answered with more than ${limits.maxBytes} bytes`);
  }
  return parseJsonWithinLimits(Buffer.concat(parts).toString(), limits);
}

function parseKeyId(token: string): string | undefined {
  if (!looksLikeSignedToken(token)) return undefined;
  try {
    return Header.safeParse(decodeProtectedHeader(token)).data?.kid;
  } catch {
    return undefined;
  }
}
