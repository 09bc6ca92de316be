import { statfs } from 'node:fs/promises';
import { hostname } from 'node:os';
import type { Store } from '../../../core/contracts/ports.ts';
import { AppError } from '../../../core/errors/errors.ts';
import { namedSnapshotKind } from '../../../core/model/sandboxes/snapshot.ts';
import { readAudit } from '../../../observability/audit/read.ts';
import type { AdministrationService } from '../../../sessions/api/server/administration.ts';
import { fileOwnerKind } from '../../../sessions/projects/uploads.ts';
import { readOverview } from '../../../sessions/services/sessions/overview.ts';
import { auditFolder } from '../../parts/audit-log.ts';
import type { RunningEngine } from '../engine.ts';
import type { Startup } from '../startup.ts';

interface AdministrationDeps {
  readonly store: Store;
  /** The kind of the blob store. */
  readonly blobs: string;
  readonly running: Pick<RunningEngine, 'engine' | 'sandboxesUp'>;
}

export function openAdministration(
  { config, clock }: Pick<Startup, 'config' | 'clock'>,
  { store, blobs, running: { engine, sandboxesUp } }: AdministrationDeps,
): AdministrationService {
  const { records, events } = store;
  const { liveSessions, sandboxes } = engine;
  const atWork = { records, events, liveSessions, sandboxes, sandboxesUp, host: hostname(), clock };
  async function readStorage() {
    const [bytes, uploads, snapshots, disk] = await Promise.all([
      store.size?.() ?? null,
      records.count(fileOwnerKind),
      records.count(namedSnapshotKind),
      statfs(config.dataDir).catch(() => undefined),
    ]);
    const freeBytes = disk ? disk.bavail * disk.bsize : null;
    return { store: store.name, bytes, blobs, uploads, snapshots, freeBytes };
  }
  return {
    async auditRows(query) {
      if (config.audit.enabled) return await readAudit(auditFolder(config), query);
      throw new AppError('unsupported', 'This server keeps no audit log. Set CORRAL_AUDIT_ENABLED=true to keep one.');
    },
    async overview(signal) {
      const [overview, storage] = await Promise.all([readOverview(atWork, signal), readStorage()]);
      return { ...overview, storage };
    },
    countSessions: (of, ids) => Promise.all(ids.map((id) => records.count('session', { [of]: id }))),
  };
}
