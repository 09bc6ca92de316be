import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import type { RecordStore, StoredRecord } from '../../core/contracts/ports.ts';
import { SessionStatus } from '../../core/model/events.ts';
import { SessionId } from '../../core/model/ids.ts';
import { isUnfinished, StoredSession, unfinishedRecordKind } from '../run/log/projection.ts';

// The transaction that starts work also writes the session's `unfinished` mark. A leftover mark is harmless, but
// without a mark, work would be lost.

const reading = 8; // maximum number of concurrent reads

export interface UnfinishedSession {
  readonly mark: StoredRecord;
  readonly record: StoredSession;
}

export async function readUnfinishedSessions(
  records: RecordStore,
  isInHands: (id: SessionId) => boolean,
): Promise<UnfinishedSession[]> {
  if (!(await records.get('server', 'unfinished'))) {
    for (const { doc } of await records.list('session')) {
      const record = StoredSession.parse(doc);
      if (isUnfinished(record)) await records.put({ kind: unfinishedRecordKind, id: record.id, doc: {} });
    }
    await records.put({ kind: 'server', id: 'unfinished', doc: {} });
  }
  const marks = new Map((await records.list(unfinishedRecordKind)).map((mark) => [mark.id, mark]));
  const ids = [...marks.keys()].map((id) => SessionId.parse(id));
  const left = ids.filter((id) => !isInHands(id));
  const found = await readStoredSessions(records, left);
  return found.flatMap((record) => {
    const mark = marks.get(record.id);
    return mark ? [{ mark, record }] : [];
  });
}

export interface SessionCounts {
  readonly total: number;
  readonly running: number;
  readonly waiting: number;
}

export async function countSessionsByStatus(
  records: Pick<RecordStore, 'count'>,
): Promise<Record<SessionStatus, number>> {
  const count = async (state: SessionStatus) => [state, await records.count('session', { state })] as const;
  return Object.fromEntries(await Promise.all(SessionStatus.options.map(count))) as Record<SessionStatus, number>;
}

export async function countSessions(records: Pick<RecordStore, 'count'>): Promise<SessionCounts> {
  const { pending, running, waiting, completed } = await countSessionsByStatus(records);
  return { total: pending + running + waiting + completed, running, waiting };
}

/** Keeps a mark that was written again in the meantime. */
export const deleteUnfinishedMark = (records: RecordStore, { id, version }: StoredRecord): Promise<void> =>
  records.delete(unfinishedRecordKind, id, version);

export async function readStoredSessions(records: RecordStore, ids: readonly SessionId[]): Promise<StoredSession[]> {
  const found = new Map<SessionId, StoredSession>();
  await forEachConcurrent(ids, reading, async (id) => {
    const stored = await records.get('session', id);
    if (stored) found.set(id, StoredSession.parse(stored.doc));
  });
  return ids.flatMap((id) => found.get(id) ?? []);
}
