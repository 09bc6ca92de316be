import type { KeyRing } from '../../auth/api-keys.ts';
import type { Lockout } from '../../auth/lockout.ts';
import { hashOf, type TokenHash } from '../../auth/token.ts';
import type { Actor } from '../../core/model/actor.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { AuditedCall } from '../../sessions/access/audited-services.ts';
import type { Allowance, RateLimiter } from './rate-limit.ts';

/** The guard's work on keys and tokens, for a dialect that has credentials of its own. */
export interface Credentials {
  /** Changes with the server's own token. Undefined: callers without a key have no rights now. */
  readonly serverSeal: string | undefined;
  /** The actor of this key; undefined when the key is not valid any more. */
  live(key: string): Actor | undefined;
  /** The actors of all keys that are valid now. */
  actors(): readonly Actor[];
  /** Counts a request of the actor, or of the address of a stranger. Undefined: there is no rate limit. */
  count(actor: Actor | undefined, address: string): Allowance | undefined;
  /** Counts a wrong credential of this address. */
  failed(address: string): void;
  /** How long an address that showed too many wrong credentials must wait, in ms. */
  lockedFor(address: string): number;
  audit(call: AuditedCall): void;
}
interface Deps {
  readonly token: Secret | TokenHash | undefined;
  readonly keys: Pick<KeyRing, 'any' | 'live' | 'actors'> | undefined;
  readonly limiter: RateLimiter | undefined;
  readonly lockout: Lockout;
  readonly audit: ((call: AuditedCall) => void) | undefined;
}

export function credentialsOf({ token, keys, limiter, lockout, audit }: Deps): Credentials {
  const seal = token && ('sha256' in token ? token : hashOf(token.reveal())).sha256;
  return {
    get serverSeal() {
      return seal ?? (keys?.any ? undefined : '');
    },
    live: (key) => keys?.live(key),
    actors: () => keys?.actors() ?? [],
    count(actor, address) {
      const name = actor?.key === undefined ? undefined : `key ${actor.key}`;
      return limiter?.take(name ?? (actor && seal !== undefined ? 'token' : address));
    },
    failed: (address) => lockout.failed(address),
    lockedFor: (address) => lockout.waitOf(address),
    audit: (call) => audit?.(call),
  };
}
