import type { PrincipalResolver } from '../../auth/key-ring.ts';
import type { Lockout } from '../../auth/lockout.ts';
import { hashToken, type TokenHash, type TokenVerifier } from '../../auth/token.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { Secret } from '../../core/text/secret.ts';
import type { AuditedCall } from '../../sessions/access/audited-services.ts';
import type { RateLimiter, RateLimitStatus } from './rate-limit.ts';

export interface CallerCredentialRegistry {
  /** Hash of the server's token. Empty if neither a token nor keys exist; undefined if only keys exist. */
  readonly serverSeal: string | undefined;
  live(key: string): Principal | undefined;
  principals(): readonly Principal[];
  count(principal: Principal | undefined, address: string): RateLimitStatus | undefined;
  /** Returns how long the address must wait, in ms; usually 0. */
  failed(address: string): number;
  /** Whether `text` is this server's token or has the form of a key. */
  isOurs(text: string): boolean;
  audit(call: AuditedCall): void;
}
interface Deps {
  readonly token: Secret | TokenHash | undefined;
  readonly keys: Pick<PrincipalResolver, 'any' | 'live' | 'principals'> | undefined;
  readonly gate: TokenVerifier;
  readonly limiter: RateLimiter | undefined;
  readonly lockout: Lockout;
  readonly audit: ((call: AuditedCall) => void) | undefined;
}

export const findOwnerProjects = (
  credentials: Pick<CallerCredentialRegistry, 'principals'>,
  owner: string | undefined,
) => (owner === undefined ? undefined : credentials.principals().find((one) => one.owner === owner)?.projects);

/** Matches caller keys, environment keys, sign-in tokens and work item tokens. */
const ownForm = /^crl(?:work_|[a-z]*_[0-9A-Za-z]+_)/;

export function createCallerCredentialRegistry({
  token,
  gate,
  keys,
  limiter,
  lockout,
  audit,
}: Deps): CallerCredentialRegistry {
  const seal = token && ('sha256' in token ? token : hashToken(token.reveal())).sha256;
  return {
    get serverSeal() {
      return seal ?? (keys?.any ? undefined : '');
    },
    live: (key) => keys?.live(key),
    principals: () => keys?.principals() ?? [],
    count(principal, address) {
      const name = principal?.key === undefined ? undefined : `key ${principal.key}`;
      return limiter?.take(name ?? (principal && seal !== undefined ? 'token' : address));
    },
    failed: (address) => lockout.judge(address),
    isOurs: (text) => ownForm.test(text) || gate.acceptsLocal([text]) || (gate.required && gate.accepts([text])),
    audit: (call) => audit?.(call),
  };
}
