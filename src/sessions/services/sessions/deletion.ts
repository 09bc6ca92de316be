import { pause } from '../../../core/concurrency/cancel.ts';
import type { Store } from '../../../core/contracts/ports.ts';
import { type ErrorCode, toAppError } from '../../../core/errors/errors.ts';
import type { SessionId } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import { type RemovalDeps, removeSession } from '../../engine/removal.ts';
import { publicRecord, StoredSession, unfinishedKind } from '../../run/log/projection.ts';

/** Errors that refuse a change although the session can be read. */
const notBroken: ReadonlySet<ErrorCode> = new Set([
  ...(['session_not_found', 'store_unavailable', 'store_busy'] as const),
  ...(['deadline_exceeded', 'shutting_down', 'cancelled'] as const),
]);
const deleteMs = 15_000; // the deletion continues in the background after that; no list shows the session any more

interface DeletionDeps extends RemovalDeps {
  readonly store: Store;
  /** Fires when the server drains. */
  readonly closing: AbortSignal;
  readonly stored: (id: SessionId) => Promise<StoredSession>;
  readonly gone: () => Error;
  /** Called as soon as no list may show the session any more. */
  readonly deleted: (session: SessionRecord) => void;
}

/** Deletes a session for good. A second call waits for the first one's tombstone and rejects: session_not_found. */
export function sessionDeletion(parts: DeletionDeps) {
  const { store, commands, clock, closing, watchers } = parts;
  /** Tombstones that are being written. */
  const burying = new Map<SessionId, Promise<void>>();

  /** Writes the tombstone, also for a session of another server and for one whose log can no longer be read. */
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
      // the holder may only have crashed, and one that still runs would overwrite our tombstone
      await pause(wait, closing, clock);
    }
    const found = await store.records.get('session', id);
    if (!found) throw broken;
    const doc = { ...StoredSession.parse(found.doc), deleting: true };
    await store.records.put({ kind: unfinishedKind, id, doc: {} });
    await store.records.put({ kind: 'session', id, doc, sort: doc.latestMessageAt, expect: found.version });
  }

  return async (id: SessionId): Promise<void> => {
    const record = await parts.stored(id);
    const other = burying.get(id);
    if (other) {
      await other; // until then the session can still come back: its tombstone may not reach the store
      throw parts.gone();
    }
    const buried = bury(id).finally(() => burying.delete(id));
    burying.set(id, buried);
    await buried; // the tombstone comes first: from here on no list shows the session
    parts.deleted(publicRecord(record));
    // The deletion succeeds from here on: the reconciler repeats a clean-up that fails.
    const done = removeSession(parts, id).catch(() => {});
    await Promise.race([done, pause(deleteMs, closing, clock)]).finally(() => watchers.end(id));
  };
}
