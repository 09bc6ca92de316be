import type { Filter } from 'mongodb';
import { waitAtMost } from '../../core/concurrency/cancel.ts';
import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import { createKeyedQueue } from '../../core/concurrency/keyed-queue.ts';
import { monotonicNow } from '../../core/contracts/clock.ts';
import type { AppendRequest } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { addEvents, completeNewestAppend, putRecords } from './completion.ts';
import type { MongoConnection } from './connection.ts';
import {
  type EventDocument,
  erasedRecordKind,
  erasedRecordTtlMs,
  eventSeqOf,
  keepLastPutPerRecord,
  type LogDocument,
  type PutDocument,
  toAppendDocuments,
} from './documents.ts';
import { isDuplicateKeyError } from './errors.ts';

/** Maximum age of a cached head, in ms. Must stay well below `minCompactedAgeMs`. */
const trustedMs = 30_000;
const closeMs = 2_000; // an append may take several operations, each with its own deadline
const maxSeen = 10_000; // sessions

interface AppenderParts {
  readonly connection: MongoConnection;
  readonly newId: () => string;
  readonly now: () => number;
  readonly onAppend: (session: SessionId, head: number) => void;
}

/**
 * Writes to the logs, on any server, without transactions:
 *
 * 1. The first event's document commits the append. Its `_id` is the seq after the head, which only one writer can
 *    insert. The document also contains the rest of the append: the remaining events and the records.
 * 2. The remaining events are inserted in the same request. Then the records are put. The append resolves when
 *    everything is stored.
 * 3. If this server fails in between, the log keeps its mark (`OpenLogMarker`). The next writer, the next reader of a
 *    record, or the next server to start completes the append from its first event (completion.ts).
 *
 * An append therefore takes two round trips, or one if it has no records.
 */
export class EventAppender {
  readonly #connection: MongoConnection;
  readonly #newId: () => string;
  readonly #now: () => number;
  readonly #onAppend: AppenderParts['onAppend'];
  readonly #logs: OpenLogMarker;
  readonly #inOrder = createKeyedQueue();
  readonly #appending = new Set<Promise<unknown>>();
  /** Newest head that this server has seen, for each log without an incomplete append. */
  readonly #seen = new Map<SessionId, { readonly head: number; readonly at: number }>();
  /** Sessions whose last append failed on this server. The database may contain all or part of that append. */
  readonly #incomplete = new Set<SessionId>();
  /** A retry passes the same object, whose batch id shows whether the first attempt was stored. */
  readonly #batches = new WeakMap<AppendRequest, string>();

  constructor({ connection, newId, now, onAppend }: AppenderParts) {
    this.#connection = connection;
    this.#newId = newId;
    this.#now = now;
    this.#onAppend = onAppend;
    this.#logs = new OpenLogMarker(connection, newId(), now);
  }

  /** Appends to one session run in order. */
  async append(entry: AppendRequest): Promise<number> {
    const done = this.#inOrder(entry.sessionId, () => this.#append(entry));
    this.#appending.add(done);
    try {
      return await done;
    } finally {
      this.#appending.delete(done);
    }
  }

  async #append(entry: AppendRequest): Promise<number> {
    const { sessionId: session, after, facts } = entry;
    const puts = keepLastPutPerRecord(entry);
    await this.#expectHead(session, after, this.#batches.has(entry));
    const head = after + facts.length;
    try {
      if (facts.length === 0) await this.#putAlone(session, head, puts);
      else {
        await this.#insert(entry, puts);
        await putRecords(this.#connection, { session, seq: head, puts });
      }
    } catch (thrown) {
      this.#seen.delete(session);
      this.#incomplete.add(session);
      throw thrown;
    }
    this.#complete(session, head);
    if (facts.length > 0) this.#onAppend(session, head);
    return head;
  }

  /** `again`: an earlier attempt may have moved the head. */
  async #expectHead(session: SessionId, after: number, again: boolean): Promise<void> {
    const seen = this.#seen.get(session);
    const isMarked = this.#logs.isMarked(session);
    if (isMarked && seen?.head === after && monotonicNow() - seen.at < trustedMs) return;
    const isNew = !isMarked && (await this.#logs.mark(session, after));
    const head = isNew ? 0 : await this.#settle(session);
    if (head !== after && !(again && head > after)) throw fenced(after, head);
  }

  async #insert(entry: AppendRequest, puts: readonly PutDocument[]): Promise<void> {
    const batch = this.#batches.get(entry) ?? this.#newId();
    const documents = toAppendDocuments(entry, puts, batch);
    this.#batches.set(entry, batch);
    const [first, ...rest] = documents;
    const events = this.#connection.at.events(entry.sessionId);
    await this.#connection.run(async () => {
      try {
        if (rest.length === 0) await events.insertOne(first);
        else await events.insertMany([...documents]);
      } catch (thrown) {
        if (!isDuplicateKeyError(thrown)) throw thrown;
        const found = await events.findOne({ _id: first._id });
        if (found?.batch !== batch) throw fenced(entry.after, eventSeqOf(first._id));
        // An earlier response was lost, or another server completed this append.
        await addEvents(this.#connection, rest);
      }
    });
  }

  /** Without an event to commit them, several puts are first stored in the log's document. */
  async #putAlone(session: SessionId, head: number, puts: readonly PutDocument[]): Promise<void> {
    const { run, at } = this.#connection;
    if (puts.length > 1)
      await run(() => at.logs.updateOne({ _id: session }, { $set: { redo: { after: head, puts } } }));
    await putRecords(this.#connection, { session, seq: head, puts, again: true });
    if (puts.length > 1) await run(() => at.logs.updateOne({ _id: session }, { $unset: { redo: 1 } }));
  }

  /** Existing events are kept. */
  async add(documents: readonly EventDocument[]): Promise<void> {
    await this.#connection.run(() => addEvents(this.#connection, documents));
  }

  async settle(session: SessionId): Promise<void> {
    await this.#inOrder(session, () => this.#settle(session));
  }

  async #settle(session: SessionId): Promise<number> {
    const head = await completeNewestAppend(this.#connection, session);
    this.#complete(session, head);
    // The appending server may have died before notifying the followers.
    if (head > 0) this.#onAppend(session, head);
    return head;
  }

  /** Completes the newest append if the session's records may be behind its events. */
  async settleRecords(session: SessionId): Promise<void> {
    const mark = await this.#logs.readMark(session);
    if (mark === 'other' || (mark === 'own' && this.#incomplete.has(session))) await this.settle(session);
  }

  /** Call at start-up. Also removes expired markers of erased sessions. */
  async settleAll(): Promise<void> {
    await this.#logs.completeOthers((session) => this.settle(session));
    const { run, at } = this.#connection;
    await run(() => at.records.deleteMany({ kind: erasedRecordKind, sort: { $lt: this.#now() - erasedRecordTtlMs } }));
  }

  forget(session: SessionId): void {
    this.#seen.delete(session);
    this.#incomplete.delete(session);
    this.#logs.forget(session);
  }

  /** The next server to start checks the logs whose marks remain. */
  async close(): Promise<void> {
    await waitAtMost(
      closeMs,
      Promise.allSettled(this.#appending).then(() => this.#logs.close([...this.#incomplete])),
    );
  }

  #complete(session: SessionId, head: number): void {
    this.#incomplete.delete(session);
    this.#seen.delete(session);
    this.#seen.set(session, { head, at: monotonicNow() });
    if (this.#seen.size <= maxSeen) return;
    const [oldest] = this.#seen.keys();
    if (oldest === undefined) return;
    this.#seen.delete(oldest);
    this.#logs.forget(oldest);
  }
}

const fenced = (after: number, head: number) =>
  new AppError('fenced', `Another writer appended first: the log ends at ${head} or later, not at ${after}.`);

const renewMs = 5 * 60_000;
/** A server that has not renewed its mark for this long no longer appends. */
const abandonedMs = 3 * renewMs;
const atOnce = 8; // logs

/** Marks the logs that may have an incomplete append. */
class OpenLogMarker {
  readonly #connection: MongoConnection;
  readonly #self: string;
  readonly #now: () => number;
  readonly #markedAt = new Map<SessionId, number>();

  constructor(connection: MongoConnection, self: string, now: () => number) {
    this.#connection = connection;
    this.#self = self;
    this.#now = now;
  }

  isMarked(session: SessionId): boolean {
    return monotonicNow() - (this.#markedAt.get(session) ?? -renewMs) < renewMs;
  }

  /** True: the log is new. */
  async mark(session: SessionId, head: number): Promise<boolean> {
    const { run, at } = this.#connection;
    const from = monotonicNow();
    const mark = { writer: this.#self, opened: this.#now() };
    const isNew = head === 0 && (await this.#insert({ _id: session, ...mark }));
    if (!isNew) {
      await run(() => at.logs.updateOne({ _id: session }, { $set: mark, $max: { head } }, { upsert: true }));
    }
    this.#markedAt.set(session, from);
    return isNew;
  }

  /** Which server, if any, may have left the newest append incomplete. */
  async readMark(session: SessionId): Promise<'none' | 'own' | 'other'> {
    const { run, at } = this.#connection;
    const log = await run(() => at.logs.findOne({ _id: session }, { projection: { writer: 1 } }));
    if (log?.writer === undefined) return 'none';
    return log.writer === this.#self ? 'own' : 'other';
  }

  async completeOthers(complete: (session: SessionId) => Promise<unknown>): Promise<void> {
    const { run, at } = this.#connection;
    const fields = { projection: { writer: 1, opened: 1 } };
    const marked = await run(() => at.logs.find({ writer: { $exists: true, $ne: this.#self } }, fields).toArray());
    await forEachConcurrent(marked, atOnce, async ({ _id, writer = '', opened = 0 }) => {
      await complete(_id as SessionId);
      if (opened > this.#now() - abandonedMs) return;
      const same = { _id, writer, opened: opened || { $exists: false } };
      await run(() => at.logs.updateOne(same as Filter<LogDocument>, { $unset: { writer: 1, opened: 1 } }));
    });
  }

  forget(session: SessionId): void {
    this.#markedAt.delete(session);
  }

  /** Removes this server's marks, except those of logs whose newest append may be incomplete. */
  async close(incomplete: readonly SessionId[]): Promise<void> {
    if (this.#markedAt.size === 0) return;
    const { run, at } = this.#connection;
    const complete = { writer: this.#self, _id: { $nin: [...incomplete] } } as Filter<LogDocument>;
    await run(() => at.logs.updateMany(complete, { $unset: { writer: 1, opened: 1 } })).catch(() => {});
  }

  async #insert(log: LogDocument): Promise<boolean> {
    const { run, at } = this.#connection;
    try {
      await run(() => at.logs.insertOne(log));
      return true;
    } catch (thrown) {
      if (!(thrown instanceof AppError && isDuplicateKeyError(thrown.cause))) throw thrown;
      return false;
    }
  }
}
