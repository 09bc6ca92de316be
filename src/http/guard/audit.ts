import type { PrincipalResolver } from '../../auth/key-ring.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { Principal } from '../../core/model/principal.ts';
import type { AuditLog } from '../../observability/audit/log.ts';
import type { AuditEntry } from '../../observability/audit/row.ts';
import type { AuditRecorder } from '../../sessions/access/audited-services.ts';
import { getCurrentRequestInfo } from './caller.ts';

interface Deps {
  readonly audit?: Pick<AuditLog, 'write'> | undefined;
  readonly config: { readonly token?: object | undefined };
  readonly keys?: Pick<PrincipalResolver, 'any'> | undefined;
  readonly clock: Clock;
}

export function createAuditRecorder(
  { audit, config, keys, clock }: Deps,
  principalOf: () => Principal,
): AuditRecorder | undefined {
  if (!audit) return undefined;
  const by = ({ key, role, person, by: other }: Principal): AuditEntry['by'] => {
    if (other) return other;
    if (person !== undefined) return 'person';
    if (key !== undefined) return 'key';
    if (role === 'nobody') return 'nobody';
    return config.token || keys?.any ? 'token' : 'open';
  };
  return {
    principalOf,
    now: () => clock.now(),
    tell: ({ principal, action, target, outcome }) => {
      const { address, request } = getCurrentRequestInfo();
      const role = principal.by === 'nobody' ? 'nobody' : principal.role;
      const who = { by: by(principal), key: principal.person ?? principal.key, role, address, request };
      audit.write({ action, target, outcome, ...who });
    },
  };
}
