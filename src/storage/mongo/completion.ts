import { MongoBulkWriteError } from 'mongodb';
import type { SessionId } from '../../core/model/ids.ts';
import type { MongoConnection } from './connection.ts';
import {
  changedTimeUpdate,
  type EventDocument,
  eventSeqOf,
  eventSessionIdOf,
  type PutDocument,
  toEventId,
  toEventRangeFilter,
  toIndexFields,
  toRecordId,
  toRemainingEventDocuments,
} from './documents.ts';
import { duplicateKeyCode, isDuplicateKeyError } from './errors.ts';

// Any server can complete a committed append, even concurrently. Records never return to an older state.

/** Only the newest append can be incomplete. Resolves with the log's head. */
export async function completeNewestAppend({ at, run }: MongoConnection, session: SessionId): Promise<number> {
  const [tail, log] = await Promise.all([
    run(() => at.events(session).findOne({ _id: toEventRangeFilter(session) as never }, { sort: { _id: -1 } })),
    run(() => at.logs.findOne({ _id: session })),
  ]);
  const head = tail ? computeLogHead(tail) : 0;
  const nth = tail?.nth ?? 0;
  const first =
    tail && nth > 0
      ? await run(() => at.events(session).findOne({ _id: toEventId(session, eventSeqOf(tail._id) - nth) }))
      : tail;
  if (first?.redo) {
    if (tail?.left) await run(() => addEvents({ at }, toRemainingEventDocuments(session, first)));
    await putRecords({ at, run }, { session, seq: head, puts: first.redo.puts });
  }
  if (log?.redo?.after === head)
    await putRecords({ at, run }, { session, seq: head, puts: log.redo.puts, again: true });
  return head;
}

/** Includes events of the newest append that are not stored yet. */
export const computeLogHead = ({ _id, left = 0 }: Pick<EventDocument, '_id' | 'left'>): number =>
  eventSeqOf(_id) + left;

export async function addEvents(
  { at }: Pick<MongoConnection, 'at'>,
  documents: readonly EventDocument[],
): Promise<void> {
  if (!documents[0]) return;
  const events = at.events(eventSessionIdOf(documents[0]._id));
  await events.insertMany(documents as EventDocument[], { ordered: false }).catch(unlessDuplicates);
}

interface PendingPuts {
  readonly session: SessionId;
  readonly seq: number;
  readonly puts: readonly PutDocument[];
  /** Whether to also replace records that were put at the same head. Used for appends without facts. */
  readonly again?: boolean;
}

/** Never replaces state from a newer append to the same log. */
export async function putRecords(
  { at, run }: Pick<MongoConnection, 'at' | 'run'>,
  { session, seq, puts, again }: PendingPuts,
): Promise<void> {
  if (puts.length === 0) return;
  const older = again ? { $lte: seq } : { $lt: seq };
  const operations = puts.map((put) => ({
    updateOne: {
      filter: { _id: toRecordId(put.kind, put.id), $or: [{ session: { $ne: session } }, { seq: older }] },
      update: { $set: { ...withIndex(put), session, seq }, $inc: { version: 1 }, ...changedTimeUpdate },
      upsert: true, // if the stored state is newer, the insert fails with a duplicate key
    },
  }));
  await run(() => at.records.bulkWrite(operations, { ordered: false }).catch(unlessDuplicates));
}

/** An append left incomplete by an earlier version of Corral has no index fields. */
const withIndex = (put: PutDocument): PutDocument =>
  put.of ? put : { ...put, ...toIndexFields(put.kind, JSON.parse(put.doc)) };

function unlessDuplicates(thrown: unknown): void {
  const all = thrown instanceof MongoBulkWriteError ? [thrown.writeErrors].flat() : [];
  if (!isDuplicateKeyError(thrown) || all.some(({ code }) => code !== duplicateKeyCode)) throw thrown;
}
