import type { RecordStore } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { readAudit } from '../../../observability/audit/read.ts';
import type { AdministrationService } from '../../../sessions/api/server/administration.ts';
import { auditFolder } from '../../parts/audit-log.ts';
import type { Startup } from '../startup.ts';

interface AdministrationDeps {
  readonly records: Pick<RecordStore, 'count'>;
}

export function openAdministration(
  { config }: Pick<Startup, 'config'>,
  { records }: AdministrationDeps,
): AdministrationService {
  return {
    async auditRows(query) {
      if (config.audit.enabled) return await readAudit(auditFolder(config), query);
      throw new AppError('unsupported', 'This server keeps no audit log. Set CORRAL_AUDIT_ENABLED=true to keep one.');
    },
    countSessions: (owners) => Promise.all(owners.map((owner) => records.count('session', { owner }))),
  };
}
