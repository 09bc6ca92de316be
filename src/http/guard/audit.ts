import type { KeyRing } from '../../auth/api-keys.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { Actor } from '../../core/model/actor.ts';
import type { AuditLog } from '../../observability/audit/log.ts';
import type { AuditEntry } from '../../observability/audit/row.ts';
import type { Audit } from '../../sessions/access/audited-services.ts';
import { callingRequest } from './caller.ts';

interface Deps {
  readonly audit?: Pick<AuditLog, 'write'> | undefined;
  readonly config: { readonly token?: object | undefined };
  readonly keys?: Pick<KeyRing, 'any'> | undefined;
  readonly clock: Clock;
}

/** The audit log of this request; undefined when auditing is off. */
export function auditOf({ audit, config, keys, clock }: Deps, actorOf: () => Actor): Audit | undefined {
  if (!audit) return undefined;
  const by = ({ key, role, by: other }: Actor): AuditEntry['by'] => {
    if (other) return other;
    if (key !== undefined) return 'key';
    if (role === 'nobody') return 'nobody';
    return config.token || keys?.any ? 'token' : 'open';
  };
  return {
    actorOf,
    now: () => clock.now(),
    tell: ({ actor, action, target, outcome }) => {
      const { address, request } = callingRequest();
      const role = actor.by === 'nobody' ? 'nobody' : actor.role;
      const who = { by: by(actor), key: actor.key, role, address, request };
      audit.write({ action, target, outcome, ...who });
    },
  };
}
