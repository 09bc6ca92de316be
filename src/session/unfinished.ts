import { SessionId } from '../core/ids.ts';
import type { RecordStore } from '../core/ports.ts';
import { StoredSession } from './projection.ts';

// Which sessions have work to go on with is kept in records of its own, written together with the work's beginning: a
// start looks at those, however many sessions are stored. A record too many does no harm; one too few would.

export const unfinishedKind = 'unfinished';

export const isUnfinished = ({ deleting, openRuns }: StoredSession): boolean => deleting || openRuns.length > 0;

/** Those that may be unfinished; the first time, of a store that an older version wrote, all are looked through. */
export async function unfinishedSessions(records: RecordStore): Promise<StoredSession[]> {
  if (!(await records.get('server', 'unfinished'))) {
    for (const { doc } of await records.list('session')) {
      const record = StoredSession.parse(doc);
      if (isUnfinished(record)) await records.put({ kind: unfinishedKind, id: record.id, doc: {} });
    }
    await records.put({ kind: 'server', id: 'unfinished', doc: {} });
  }
  const listed = await records.list(unfinishedKind);
  return await sessionsOf(
    records,
    listed.map(({ id }) => SessionId.parse(id)),
  );
}

/** What is stored of these, without those that are not. */
export async function sessionsOf(records: RecordStore, ids: readonly SessionId[]): Promise<StoredSession[]> {
  const found: StoredSession[] = [];
  for (const id of ids) {
    const stored = await records.get('session', id);
    if (stored) found.push(StoredSession.parse(stored.doc));
  }
  return found;
}
