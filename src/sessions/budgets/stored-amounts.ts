import type { RecordListOptions, RecordStore } from '../../core/contracts/ports.ts';
import { SessionStatus } from '../../core/model/events.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { ConcurrentLimit } from '../../core/model/runs/budget-limits.ts';
import { namedSnapshotKind, type Snapshot } from '../../core/model/sandboxes/snapshot.ts';
import { type Volume, volumeKind } from '../../core/model/sandboxes/volume.ts';
import type { BudgetHolder } from '../api/server/budgets.ts';

/**
 * The stored amount of a kind: a number of sessions or snapshots, or bytes of snapshots and volumes; 0 for other kinds. A count
 * of at most `enough` sessions can include tombstones.
 */
export type StoredAmountReader = (holder: BudgetHolder, kind: ConcurrentLimit, enough?: number) => Promise<number>;

export function createStoredAmountReader(records: Pick<RecordStore, 'count' | 'list'>): StoredAmountReader {
  async function countSessions(holder: BudgetHolder, enough: number): Promise<number> {
    const all = await records.count('session', placeOf(holder));
    if (all <= enough) return all;
    if (placeOf(holder).owner === null) {
      const own = await records.list('session', placeOf(holder));
      return own.filter(({ doc }) => !(doc as Partial<SessionRecord>).deleting).length;
    }
    const count = (state: SessionStatus) => records.count('session', { ...placeOf(holder), state });
    return (await Promise.all(SessionStatus.options.map(count))).reduce((sum, one) => sum + one);
  }
  async function sumDisk(holder: BudgetHolder): Promise<number> {
    const snapshots = await records.list(namedSnapshotKind, placeOf(holder));
    const volumes = await records.list(volumeKind, placeOf(holder));
    const sizes = [
      ...snapshots.map(({ doc }) => (doc as Partial<Snapshot>).bytes ?? 0),
      ...volumes.map(({ doc }) => (doc as Volume).quotaBytes),
    ];
    return sizes.reduce((sum, size) => sum + size, 0);
  }
  return async (holder, kind, enough = -1) => {
    if (kind === 'sessions') return await countSessions(holder, enough);
    if (kind === 'snapshots') return await records.count(namedSnapshotKind, placeOf(holder));
    return kind === 'diskBytes' ? await sumDisk(holder) : 0;
  };
}

function placeOf({ of, id }: BudgetHolder): Pick<RecordListOptions, 'owner' | 'parent'> {
  if (of === 'server') return {};
  return of === 'person' ? { owner: id === '' ? null : id } : { parent: id };
}
