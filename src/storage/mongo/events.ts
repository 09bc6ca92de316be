import type { Collection, Document } from 'mongodb';
import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import type { EventPage, EventStore, UsageGroupKey, UsageSum } from '../../core/contracts/ports.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { droppableEventTypes } from '../../core/model/event-traits.ts';
import type { FactType, SessionEvent } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { addUsageEvent, type UsageSession } from '../usage-sums.ts';
import type { EventAppender } from './append.ts';
import { computeLogHead } from './completion.ts';
import type { MongoConnection } from './connection.ts';
import {
  changedTimeUpdate,
  type EventDocument,
  erasedRecordKind,
  eventSeqOf,
  eventSessionIdOf,
  serializeFact,
  toErasedRecord,
  toEventDocument,
  toEventRangeFilter,
  toRecordId,
  toSessionRecordFilter,
} from './documents.ts';
import { toStoreError } from './errors.ts';
import type { LogHeadTracker } from './heads.ts';
import { searchMessages } from './search.ts';

type Usage = Extract<SessionEvent, { type: 'usage' }>['data'];
type UsageEvent = { readonly _id: string; readonly at: number; readonly fact: string };
const usageAtOnce = 1_000;
const shardsAtOnce = 8; // keeps connections in the pool free for appends

/** Range: `from <= time < to`. The database cannot sum, because facts are opaque text. */
async function usageBetween(
  { at }: MongoConnection,
  { from, to, by }: { readonly from: number; readonly to: number; readonly by: readonly UsageGroupKey[] },
): Promise<UsageSum[]> {
  const sums = new Map<string, UsageSum>();
  const sessions = new Map<string, UsageSession>();
  const add = async (events: readonly UsageEvent[]) => {
    const ids = [...new Set(events.map(({ _id }) => eventSessionIdOf(_id)))].filter((id) => !sessions.has(id));
    const some = { _id: { $in: ids.map((id) => toRecordId('session', id)) }, kind: 'session' };
    for await (const { id, doc } of at.records.find(some, { projection: { id: 1, doc: 1 } }))
      sessions.set(id, JSON.parse(doc));
    for (const { _id, at: time, fact } of events) {
      const { data } = JSON.parse(fact) as { data: Usage };
      addUsageEvent(sums, { session: sessions.get(eventSessionIdOf(_id)), seq: eventSeqOf(_id), at: time, data }, by);
    }
  };
  let batch: UsageEvent[] = [];
  const readShard = async (events: Collection<EventDocument>) => {
    const cursor = events.find({ used: 1, at: { $gte: from, $lt: to } }, { projection: { at: 1, fact: 1 } });
    for await (const event of cursor) {
      batch.push(event);
      if (batch.length < usageAtOnce) continue;
      const full = batch;
      batch = [];
      await add(full);
    }
  };
  await forEachConcurrent(at.allEvents, shardsAtOnce, readShard);
  if (batch.length > 0) await add(batch);
  return [...sums.values()];
}

/** A page ends once it has more characters than this. */
const pageChars = 4 * 1024 * 1024;
/** Compaction keeps younger events, so that a late append by a suspended writer still fails with a duplicate key. */
export const minCompactedAgeMs = 10 * 60_000;

interface MongoEventDeps {
  readonly connection: MongoConnection;
  readonly appender: EventAppender;
  readonly heads: LogHeadTracker;
  readonly now: () => number;
}

export function createMongoEvents({ connection, appender, heads, now }: MongoEventDeps): EventStore {
  const { at, run, can } = connection;
  const newest = (session: SessionId, also: Document = {}) =>
    run(() =>
      at.events(session).findOne({ _id: toEventRangeFilter(session) as never, ...also }, { sort: { _id: -1 } }),
    );

  async function eventsAfter(session: SessionId, after: number, limit: number) {
    const cursor = at
      .events(session)
      .find({ _id: toEventRangeFilter(session, after) as never }, { sort: { _id: 1 }, limit });
    const found: EventDocument[] = [];
    let chars = 0;
    try {
      for await (const document of cursor) {
        found.push(document);
        chars += document.fact.length;
        if (chars > pageChars) break;
      }
    } finally {
      await cursor.close();
    }
    return { found, isAll: found.length < limit && chars <= pageChars };
  }

  const marksOf = (session: SessionId) => run(() => at.logs.findOne({ _id: session }));

  async function page(session: SessionId, after: number, limit: number): Promise<EventPage> {
    const [early, read] = await Promise.all([marksOf(session), run(() => eventsAfter(session, after, limit))]);
    const last = read.found.at(-1);
    if (last?.left && read.isAll) {
      await appender.settle(session); // the newest append is incomplete: its server is still writing, or died
      return page(session, after, limit);
    }
    const tail = read.isAll && (last || after === 0) ? last : await newest(session);
    const head = tail ? computeLogHead(tail) : 0;
    // Compaction marks a gap before it drops events, so marks read earlier may be outdated.
    const isWhole = read.found.every(({ _id }, n) => eventSeqOf(_id) === after + n + 1);
    const marks = isWhole ? early : await marksOf(session);
    const events = read.found.map((document) => toEvent(session, document));
    return { events, head, thinned: marks?.thinned ?? 0, trimmed: marks?.trimmed ?? 0 };
  }

  async function compact(session: SessionId, limits: { keepDroppable: number; keepAll: number }): Promise<void> {
    await appender.settle(session); // completes the newest append before parts of it can be dropped
    const nth = async (keep: number, also: Document = {}) => {
      const old = { _id: toEventRangeFilter(session) as never, ...also };
      const found = await run(() =>
        at.events(session).findOne(old, { sort: { _id: -1 }, skip: Math.max(1, keep), projection: { _id: 1, at: 1 } }),
      );
      return found ? eventSeqOf(found._id) : 0;
    };
    const types = [...droppableEventTypes];
    const young = await run(() =>
      at
        .events(session)
        .findOne(
          { _id: toEventRangeFilter(session) as never, at: { $gt: now() - minCompactedAgeMs } },
          { sort: { _id: 1 } },
        ),
    );
    const oldUpTo = young ? eventSeqOf(young._id) - 1 : Number.MAX_SAFE_INTEGER;
    const trimmed = Math.min(await nth(limits.keepAll), oldUpTo);
    const thinned = Math.max(trimmed, Math.min(await nth(limits.keepDroppable, { type: { $in: types } }), oldUpTo));
    if (thinned <= 0) return;
    // Writes the marks before the deletion, so a reader never finds an unmarked gap.
    await run(() => at.logs.updateOne({ _id: session }, { $max: { thinned, trimmed } }, { upsert: true }));
    if (trimmed > 0)
      await run(() => at.events(session).deleteMany({ _id: toEventRangeFilter(session, 0, trimmed) as never }));
    const thin = { _id: toEventRangeFilter(session, 0, thinned) as never, type: { $in: types } } as never;
    await run(() => at.events(session).deleteMany(thin));
    await run(() =>
      at.events(session).updateMany({ _id: toEventRangeFilter(session, 0, thinned) as never }, { $unset: { redo: 1 } }),
    );
  }

  return {
    append: (entry) => appender.append(entry),
    page,
    compact,
    async findLastSeq(session, type) {
      if (droppableEventTypes.has(type as FactType)) {
        const found = await newest(session, { type });
        return found ? eventSeqOf(found._id) : 0;
      }
      const mark = { $gt: `${session}:${type}:`, $lt: `${session}:${type};` };
      const found = await run(() =>
        at.events(session).findOne({ mark }, { sort: { mark: -1 }, projection: { _id: 1 } }),
      );
      return found ? eventSeqOf(found._id) : 0;
    },
    search: (text, limit, among) => run(() => searchMessages(connection, text, { limit, among })),
    usage: (from, to, by) => run(() => usageBetween(connection, { from, to, by })),
    heads: (sessions) => heads.of(sessions),
    ...(can.changeStreams ? { watch: (listener, signal) => watch(connection, listener, signal) } : {}),
    async restore(session, events, { thinned, trimmed }) {
      const documents = events.map(({ seq, sessionId: _, ts, ...fact }) =>
        toEventDocument(session, seq, ts, serializeFact(fact)),
      );
      await run(() => at.logs.updateOne({ _id: session }, { $max: { thinned, trimmed } }, { upsert: true }));
      await appender.add(documents);
      heads.appended(session, events.at(-1)?.seq ?? 0);
    },
    async erase(session) {
      appender.forget(session);
      await run(() => at.events(session).deleteMany({ _id: toEventRangeFilter(session, -1) as never }));
      const _id = toRecordId('session', session);
      const mark = { $set: toErasedRecord(session, now()), $inc: { version: 1 }, ...changedTimeUpdate };
      await run(() => at.records.updateOne({ _id }, mark, { upsert: true }));
      await run(() => at.records.deleteMany({ $or: toSessionRecordFilter(session), kind: { $ne: erasedRecordKind } }));
      await heads.forget(session);
      await run(() => at.logs.deleteOne({ _id: session }));
    },
  };
}

function toEvent(sessionId: SessionId, { _id, at, fact }: EventDocument): SessionEvent {
  return { seq: eventSeqOf(_id), sessionId, ts: at, ...JSON.parse(fact) };
}

async function watch(
  { at }: MongoConnection,
  listener: (session: SessionId, head: number) => void,
  signal: AbortSignal,
): Promise<void> {
  const only = [{ $match: { operationType: 'insert' } }, { $project: { documentKey: 1, 'fullDocument.left': 1 } }];
  const [events] = at.allEvents as [Collection<EventDocument>]; // a database server with change streams has one events collection
  const stream = events.watch(only, { maxAwaitTimeMS: 1_000 });
  const end = () => void stream.close().catch(() => {});
  signal.addEventListener('abort', end, { once: true });
  try {
    for await (const change of stream) {
      const { documentKey, fullDocument } = change as unknown as {
        documentKey: { _id: string };
        fullDocument?: { left?: number };
      };
      listener(eventSessionIdOf(documentKey._id), eventSeqOf(documentKey._id) + (fullDocument?.left ?? 0));
    }
  } catch (thrown) {
    if (!signal.aborted) throw toAppError(toStoreError(thrown));
  } finally {
    signal.removeEventListener('abort', end);
    await stream.close().catch(() => {});
  }
}
