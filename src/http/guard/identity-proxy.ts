import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { type ProviderIdentity, resolveRole, type SignInRules, toProviderIdentity } from '../../auth/sign-in/claims.ts';
import { type PersonRegistry, toPersonId } from '../../auth/sign-in/people.ts';
import type { RequiredClaims, SigningKeys } from '../../auth/tokens/signing-keys.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { RequestInterceptor } from '../routes/host-router.ts';
import type { ClientResolver } from './clients.ts';

export const proxyIssuer = 'identity-proxy';

interface HeaderNames {
  readonly subject?: string | undefined;
  readonly email?: string | undefined;
  readonly name?: string | undefined;
  readonly groups?: string | undefined;
  /** Name of the header with a signed token. If set, the other headers are ignored. */
  readonly token?: string | undefined;
}
interface Deps {
  readonly headers: HeaderNames;
  readonly signed?: ({ readonly keys: Pick<SigningKeys, 'verify'> } & RequiredClaims) | undefined;
  readonly rules: SignInRules;
  readonly people: PersonRegistry;
  readonly clients: Pick<ClientResolver, 'isProxy'>;
  readonly now: () => number;
}
type Stated = Partial<Record<keyof HeaderNames, string>>;
interface ProxiedPerson {
  readonly stated: string;
  readonly at: number;
  readonly key: string;
}

const meetEveryMs = 60_000;
const maxKnown = 10_000;

/** Removes the proxy's headers from every request, so that no log, program or sandbox gets them. */
export class ProxyAuthenticator implements RequestInterceptor {
  readonly #deps: Deps;
  readonly #headers: readonly (readonly [keyof HeaderNames, string])[];
  readonly #stated = new WeakMap<IncomingMessage, Stated | 'repeated'>();
  readonly #found = new WeakMap<IncomingMessage, string>();
  /** Keyed by the subject's hash. Avoids a store write on every request. */
  readonly #known = new Map<string, ProxiedPerson>();

  constructor(deps: Deps) {
    this.#deps = deps;
    this.#headers = Object.entries(deps.headers).flatMap(([field, name]: [string, string | undefined]) =>
      name === undefined ? [] : [[field as keyof HeaderNames, name.toLowerCase()] as const],
    );
  }

  /** Removes the headers. A second call, which happens for WebSocket upgrades, changes nothing. */
  rewrite = (request: IncomingMessage): boolean => {
    const { headers, rawHeaders, socket } = request;
    const isTrusted = this.#deps.clients.isProxy(socket.remoteAddress ?? '');
    const names = rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase());
    const stated: Stated = {};
    let isRepeated = false;
    for (const [field, name] of this.#headers) {
      const value = headers[name];
      delete headers[name];
      if (value === undefined) continue;
      isRepeated ||= names.indexOf(name) !== names.lastIndexOf(name);
      stated[field] = Buffer.from(String(value), 'latin1').toString().trim();
    }
    if (isTrusted && Object.keys(stated).length > 0) this.#stated.set(request, isRepeated ? 'repeated' : stated);
    return false;
  };
  answersTo = () => false;
  isForProgram = () => false;
  upgrade = () => false;

  /**
   * Undefined if there is nothing to check, or the same unsigned headers were checked within the last minute. Rejects:
   * invalid_request, provider_error.
   */
  prepare(request: IncomingMessage): Promise<void> | undefined {
    const stated = this.#stated.get(request);
    if (stated === undefined) return undefined;
    // Either copy of the header may come from the client.
    if (stated === 'repeated')
      return Promise.reject(new AppError('invalid_request', 'The proxy sent a header about the person twice.'));
    const text = JSON.stringify(stated);
    const known = this.#known.get(hashOf(stated.subject));
    const { token } = this.#deps.headers;
    if (token !== undefined || known?.stated !== hashOf(text) || this.#deps.now() - known.at >= meetEveryMs)
      return this.#meet(request, stated, hashOf(text));
    this.#found.set(request, known.key);
    return undefined;
  }
  find = (request: IncomingMessage): Principal | undefined => {
    const key = this.#found.get(request);
    return key === undefined ? undefined : this.#deps.people.live(key);
  };

  async #meet(request: IncomingMessage, stated: Stated, hash: string): Promise<void> {
    const { people, rules, now } = this.#deps;
    const identity = await this.#readIdentity(stated);
    if (!identity) return;
    const role = resolveRole(identity, rules);
    const before = people.byId(toPersonId(proxyIssuer, identity.subject));
    if (role === undefined && !before) return;
    const subject = hashOf(identity.subject);
    const isNew = this.#known.get(subject)?.stated !== hash || now() - (before?.lastSeenAt ?? 0) >= meetEveryMs;
    const person = before && !isNew ? before : await people.meet(proxyIssuer, identity, role ?? null);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size < maxKnown) break;
      this.#known.delete(oldest);
    }
    this.#known.set(subject, { stated: hash, at: now(), key: person.key });
    this.#found.set(request, person.key);
  }

  async #readIdentity({ token, ...stated }: Stated): Promise<ProviderIdentity | undefined> {
    const { signed } = this.#deps;
    const claims = signed ? (await signed.keys.verify(token ?? '', signed))?.claims : fromHeaders(stated);
    // The proxy's e-mail addresses are trusted unless marked as unverified.
    return claims?.sub && claims.sub.length <= 255
      ? toProviderIdentity({ email_verified: true, ...claims }, { groupsClaim: 'groups' })
      : undefined;
  }
}

const hashOf = (text = ''): string => createHash('sha256').update(text).digest('base64url');
const fromHeaders = ({ subject, email, name, groups = '' }: Omit<Stated, 'token'>) => ({
  ...{ sub: subject ?? '', email, name },
  groups: groups
    .split(',')
    .map((group) => group.trim())
    .filter((group) => group !== ''),
});
