import { createHash } from 'node:crypto';
import { decodeJwt } from 'jose';
import { combineSignals } from '../../core/concurrency/cancel.ts';
import { ServerComponent } from '../../core/contracts/server-parts.ts';
import type { TrustRule } from '../../core/model/access/trust-rule.ts';
import type { Principal } from '../../core/model/principal.ts';
import { matchesSegmentPattern } from '../../core/text/glob.ts';
import { readClaim } from '../sign-in/claims.ts';
import { clockSkewMs, looksLikeSignedToken, type SigningKeys } from './signing-keys.ts';

export interface TrustedAccount {
  readonly rule: TrustRule;
  readonly principal: Principal;
  readonly used: () => void;
}
interface Deps {
  readonly issuers: ReadonlyMap<string, SigningKeys>;
  /** The required `aud` of tokens, followed by `/projects/<id>` for a project's account. */
  readonly audience: string;
  readonly now: () => number;
  readonly accounts: () => readonly TrustedAccount[];
  readonly warn: (about: object, text: string) => void;
}
interface LiveToken {
  readonly account: TrustedAccount;
  readonly principal: Principal;
  readonly over: AbortController;
  readonly issuer: string;
  readonly kid: string;
  readonly endsAt: number;
}

const maxShown = 10_000;

export class FederatedTokenVerifier extends ServerComponent<Deps> {
  readonly #shown = new Map<string, LiveToken>();
  readonly #checking = new Map<string, Promise<void>>();

  /** Undefined if there are no new tokens. Rejects with provider_error. */
  prepare(presented: readonly string[]): Promise<void> | undefined {
    const news = presented.filter((text) => looksLikeSignedToken(text) && !this.#isKnown(text));
    return news.length === 0 ? undefined : Promise.all(news.map((token) => this.#check(token))).then(() => {});
  }
  find(presented: readonly string[]): Principal | undefined {
    for (const text of presented) {
      const shown = looksLikeSignedToken(text) && this.#isKnown(text) ? this.#shown.get(hashOf(text)) : undefined;
      if (!shown) continue;
      shown.account.used();
      return shown.principal;
    }
    return undefined;
  }

  /** Invalidates tokens that have expired, or whose account or signing key was withdrawn. */
  async look(): Promise<void> {
    const inUse = new Set([...this.#shown.values()].map(({ issuer }) => issuer));
    for (const issuer of inUse) await this.deps.issuers.get(issuer)?.keepFresh();
    for (const [hash, shown] of this.#shown) if (!this.#holds(shown)) this.#end(hash);
  }

  #isKnown(text: string): boolean {
    const shown = this.#shown.get(hashOf(text));
    return shown !== undefined && this.#holds(shown);
  }
  #holds = ({ endsAt, issuer, kid, principal }: LiveToken): boolean =>
    this.deps.now() < endsAt && !principal.ended?.aborted && !!this.deps.issuers.get(issuer)?.has(kid);
  #end(hash: string): void {
    this.#shown.get(hash)?.over.abort();
    this.#shown.delete(hash);
  }

  #check(token: string): Promise<void> {
    const hash = hashOf(token);
    const checking =
      this.#checking.get(hash) ?? this.#verify(token, hash).finally(() => void this.#checking.delete(hash));
    this.#checking.set(hash, checking);
    return checking;
  }
  async #verify(token: string, hash: string): Promise<void> {
    const { issuers, audience, accounts, warn } = this.deps;
    const issuer = parseIssuer(token);
    // A project's maintainers write its trust rules, so a token's audience must name that project.
    const nameOf = ({ principal: { home } }: TrustedAccount) =>
      home === undefined ? audience : `${audience}/projects/${home}`;
    const trusted = accounts().filter(({ rule }) => rule.issuer === issuer);
    const verified =
      trusted.length === 0
        ? undefined
        : await issuers.get(issuer)?.verify(token, { issuer, audience: trusted.map(nameOf) });
    if (!verified) return;
    const { claims, kid } = verified;
    const fitting = trusted.filter(
      (one) => !one.principal.ended?.aborted && [claims.aud].flat().includes(nameOf(one)) && fits(one.rule, claims),
    );
    const [account, other] = fitting;
    if (!account) return;
    if (other) {
      const keys = fitting.map(({ principal }) => principal.key);
      warn({ keys }, 'a token matches the rules of several service accounts; it is rejected');
      return;
    }
    this.#end(hash);
    for (const oldest of this.#shown.keys()) {
      if (this.#shown.size < maxShown) break;
      this.#end(oldest);
    }
    const over = new AbortController();
    const ended = combineSignals([over.signal, ...(account.principal.ended ? [account.principal.ended] : [])]);
    const principal = { ...account.principal, ended };
    this.#shown.set(hash, { account, principal, over, issuer, kid, endsAt: claims.exp * 1_000 + clockSkewMs });
  }
}

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');

/** Does not verify the token. */
function parseIssuer(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch {
    return '';
  }
}

function fits({ claims: patterns }: TrustRule, claims: Readonly<Record<string, unknown>>): boolean {
  return Object.entries(patterns).every(([name, pattern]) => {
    const found = readClaim(claims, name);
    const values = Array.isArray(found) ? found.slice(0, 1_000) : [found];
    return values.some((value) => {
      const isPlain = typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean';
      return isPlain && String(value).length <= 2_000 && matchesSegmentPattern(pattern, String(value));
    });
  });
}
