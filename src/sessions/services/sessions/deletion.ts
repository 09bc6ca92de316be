import { sleep } from '../../../core/concurrency/cancel.ts';
import type { Store } from '../../../core/contracts/ports.ts';
import { type ErrorCode, toAppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { type RemovalDeps, removeSession } from '../../engine/removal.ts';
import { StoredSession, toPublicRecord, unfinishedRecordKind } from '../../run/log/projection.ts';

/** After an error with one of these codes, the session may still be readable. */
const notBroken: ReadonlySet<ErrorCode> = new Set([
  ...(['session_not_found', 'store_unavailable', 'store_busy'] as const),
  ...(['deadline_exceeded', 'shutting_down', 'cancelled'] as const),
]);
const deleteMs = 15_000; // after this time, the deletion continues in the background

interface DeletionDeps extends RemovalDeps {
  readonly store: Store;
  readonly closing: AbortSignal;
  readonly stored: (id: SessionId) => Promise<StoredSession>;
  readonly gone: () => Error;
  readonly deleted: (session: SessionRecord) => void;
}

/** A concurrent call waits for the first call's tombstone, then rejects: session_not_found. */
export function createSessionDeleter(parts: DeletionDeps) {
  const { store, commands, clock, closing, watchers } = parts;
  const burying = new Map<SessionId, Promise<void>>();

  /** Works even if another server holds the session or its log is unreadable. */
  async function bury(id: SessionId): Promise<void> {
    let broken: unknown;
    for (let wait = 100; wait <= 2_000; wait *= 2) {
      try {
        await commands.change(id, { deleting: true });
        return;
      } catch (thrown) {
        if (notBroken.has(toAppError(thrown).code)) throw thrown;
        broken = thrown;
      }
      // Retries before writing directly, because a lease holder that is still running would overwrite that write.
      await sleep(wait, closing, clock);
    }
    const found = await store.records.get('session', id);
    if (!found) throw broken;
    const doc = { ...StoredSession.parse(found.doc), deleting: true };
    await store.records.put({ kind: unfinishedRecordKind, id, doc: {} });
    await store.records.put({ kind: 'session', id, doc, sort: doc.latestMessageAt, expect: found.version });
  }

  return async (id: SessionId): Promise<void> => {
    const record = await parts.stored(id);
    const other = burying.get(id);
    if (other) {
      await other; // the first call may fail before its tombstone is written
      throw parts.gone();
    }
    const buried = bury(id).finally(() => burying.delete(id));
    burying.set(id, buried);
    await buried; // the tombstone removes the session from lists, so it must exist before the announcement
    parts.deleted(toPublicRecord(record));
    // The reconciler retries a failed clean-up, so the deletion can no longer fail.
    const done = removeSession(parts, id).catch(() => {});
    await Promise.race([done, sleep(deleteMs, closing, clock)]).finally(() => watchers.end(id));
  };
}
