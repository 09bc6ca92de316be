import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import { AppError } from '../../../core/errors/errors.ts';
import { namedSnapshotKind } from '../../../core/model/sandboxes/snapshot.ts';
import { readAuditRows } from '../../../observability/audit/read.ts';
import type { AdministrationService } from '../../../sessions/api/server/administration.ts';
import { fileOwnerRecordKind } from '../../../sessions/projects/uploads.ts';
import { readServerOverview } from '../../../sessions/services/sessions/overview.ts';
import { resolveAuditFolder } from '../../parts/audit-log.ts';
import type { ServerWithEngine } from '../engine.ts';

export function openAdministration(server: ServerWithEngine): AdministrationService {
  const { config, store, records, blobs } = server;
  const atWork = { ...server, host: hostname() };
  async function readStorage() {
    const [bytes, uploads, snapshots, disk] = await Promise.all([
      store.size?.() ?? null,
      records.count(fileOwnerRecordKind),
      records.count(namedSnapshotKind),
      statfs(config.dataDir).catch(() => undefined),
    ]);
    const freeBytes = disk ? disk.bavail * disk.bsize : null;
    return { store: store.name, bytes, blobs: blobs.name, uploads, snapshots, freeBytes };
  }
  return {
    async auditRows(query) {
      if (config.audit.enabled) return await readAuditRows(resolveAuditFolder(config), query);
      throw new AppError('unsupported', 'This server keeps no audit log. Set CORRAL_AUDIT_ENABLED=true to keep one.');
    },
    async overview(signal) {
      const [overview, storage] = await Promise.all([readServerOverview(atWork, signal), readStorage()]);
      return { ...overview, storage };
    },
    countSessions: (of, ids) => Promise.all(ids.map((id) => records.count('session', { [of]: id }))),
  };
}
