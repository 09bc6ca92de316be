import { type Filter, MongoBulkWriteError } from 'mongodb';
import { atMost } from '../../core/concurrency/cancel.ts';
import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import { elapsed } from '../../core/contracts/clock.ts';
import type { Append } from '../../core/contracts/ports.ts';
import { AppError } from '../../core/errors/errors.ts';
import { droppable, searchable } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Connection } from './connection.ts';
import {
  type EventDocument,
  erasedKind,
  erasedRecordMs,
  eventId,
  eventRange,
  type FactText,
  factText,
  type LogDocument,
  markOf,
  type PutDocument,
  putDocument,
  recordId,
  seqOf,
  sessionOf,
} from './documents.ts';
import { isDuplicate } from './errors.ts';
import { type LatePut, LatePuts } from './late-puts.ts';

/**
 * In ms: a head read at most this long ago is used without a new read. Compaction keeps all events of a far longer time.
 */
const believedMs = 30_000;
/** For this long after an append, reads of records take this server for the log's writer. */
const oursMs = 1_000;
/** An appending server renews its mark after this time. */
const reopenMs = 5 * 60_000;
/** A server that did not renew its mark for this long has no unfinished append that the next reader should look for. */
const openMs = 3 * reopenMs;
/** In ms. An append can take several times the deadline of one operation. */
const closeMs = 2_000;
const settling = 8; // concurrent logs
const maxKnown = 10_000; // sessions
const maxBytes = 12 * 1024 * 1024; // of a whole append, in its first event; MongoDB allows 16 MB

interface Known {
  readonly head: number;
  readonly at: number;
  readonly openedAt: number;
}

/**
 * Writes to the logs. The document of an append's first event alone commits the append: it follows a known head, no
 * other writer can take its seq, and it contains the rest of the append. This server then adds the rest; if it dies
 * before, the next reader does. So an append needs no transaction, and a single fact takes one round trip. A session
 * record that exists already is written a moment later.
 */
export class Appender {
  readonly #connection: Connection;
  readonly #self: string;
  readonly #newId: () => string;
  readonly #now: () => number;
  readonly #appended: (session: SessionId, head: number) => void;
  readonly #known = new Map<SessionId, Known>();
  readonly #tails = new Map<SessionId, Promise<unknown>>();
  readonly #late: LatePuts;
  /** Logs whose last append failed here: the database may have it all the same, and then the records are behind. */
  readonly #unsure = new Set<SessionId>();
  /** A retried append is the same object, which recognises the document that it wrote before the answer was lost. */
  readonly #batches = new WeakMap<Append, string>();

  constructor(
    connection: Connection,
    newId: () => string,
    now: () => number,
    appended: (session: SessionId, head: number) => void = () => {},
  ) {
    this.#connection = connection;
    this.#newId = newId;
    this.#now = now;
    this.#self = newId();
    this.#appended = appended;
    this.#late = new LatePuts((puts) => this.#putAll(puts), maxKnown);
  }

  /** Writes the late puts now, because a caller reads or changes records. */
  putsDone(): Promise<void> | undefined {
    return this.#late.flush();
  }
  /** The record was removed. */
  gone(kind: string, id: string): void {
    this.#late.forget(id, kind);
  }

  /** Runs the calls of one session in order. */
  append(entry: Append): Promise<number> {
    const before = this.#tails.get(entry.sessionId);
    const done = before ? before.then(() => this.#append(entry)) : this.#append(entry);
    const settled = done
      .catch(() => {})
      .then(() => {
        if (this.#tails.get(entry.sessionId) === settled) this.#tails.delete(entry.sessionId);
      });
    this.#tails.set(entry.sessionId, settled);
    return done;
  }

  async #append(entry: Append): Promise<number> {
    const { sessionId, after, facts } = entry;
    const puts = newestOf((entry.puts ?? []).map(putDocument));
    await this.#expectHead(sessionId, after, this.#batches.has(entry));
    if (facts.length === 0) {
      await this.#late.flush();
      return this.#putOnly(sessionId, after, puts);
    }
    const carried = await this.#late.carried(sessionId);
    const batch = this.#batches.get(entry) ?? this.#newId();
    this.#batches.set(entry, batch);
    const documents = eventDocuments(entry, newestOf([...carried, ...puts]), batch);
    const head = after + facts.length;
    await this.#connection
      .run(() => this.#insert(documents, batch))
      .catch((thrown: unknown) => {
        this.forget(sessionId);
        this.#unsure.add(sessionId);
        throw thrown;
      });
    const [late, now] = partition(puts, (put) => this.#late.mayWait(sessionId, put));
    this.#late.add(late.map((put) => ({ session: sessionId, seq: head, put })));
    await this.#put(sessionId, head, now);
    this.#late.know(sessionId, now);
    this.#know(sessionId, head, this.#known.get(sessionId)?.openedAt);
    this.#appended(sessionId, head);
    return head;
  }

  /** `again`: an append whose answer was lost can find the head after its own events. */
  async #expectHead(session: SessionId, after: number, again: boolean): Promise<void> {
    const known = this.#known.get(session);
    const isOpen = known !== undefined && elapsed() - known.openedAt < reopenMs;
    if (isOpen && known.head === after && elapsed() - known.at < believedMs) return;
    const openedAt = isOpen ? known.openedAt : elapsed();
    this.#late.forget(session);
    const isNew = !isOpen && (await this.#open(session, after));
    const head = isNew ? 0 : await this.settle(session);
    this.#know(session, head, openedAt);
    if (head !== after && !(again && head > after)) throw fenced(after, head);
  }

  /** Marks the log as possibly unfinished. Resolves with whether it was never written before. */
  async #open(session: SessionId, after: number): Promise<boolean> {
    const { run, at } = this.#connection;
    const mark = { writer: this.#self, opened: this.#now() };
    if (after === 0) {
      const made = await run(() => at.logs.insertOne({ _id: session, ...mark })).catch((thrown: AppError) => {
        if (!isDuplicate(thrown.cause)) throw thrown;
      });
      if (made) return true;
    }
    const open = { $set: mark, $max: { head: after } };
    await run(() => at.logs.updateOne({ _id: session }, open, { upsert: true }));
    return false;
  }

  async #insert(documents: readonly EventDocument[], batch: string): Promise<void> {
    const [first] = documents as [EventDocument];
    const events = this.#connection.at.events(sessionOf(first._id));
    try {
      if (documents.length === 1) await events.insertOne(first);
      else await events.insertMany(documents as EventDocument[]);
    } catch (thrown) {
      if (!isDuplicate(thrown)) throw thrown;
      const found = await events.findOne({ _id: first._id });
      if (found?.batch !== batch) throw fenced(seqOf(first._id) - 1, seqOf(first._id));
      await this.#addMissing(documents.slice(1)); // ours: an answer was lost, or another server added them
    }
  }

  /** Adds events unchanged, for an import; existing ones stay. */
  async add(documents: readonly EventDocument[]): Promise<void> {
    await this.#connection.run(() => this.#addMissing(documents));
  }

  async #addMissing(documents: readonly EventDocument[]): Promise<void> {
    if (!documents[0]) return;
    const events = this.#connection.at.events(sessionOf(documents[0]._id));
    const inserting = events.insertMany(documents as EventDocument[], { ordered: false });
    await inserting.catch(unlessDuplicates);
  }

  /** Without an event, the log's own document commits the append. */
  async #putOnly(session: SessionId, after: number, puts: readonly PutDocument[]): Promise<number> {
    const { run, at } = this.#connection;
    if (puts.length > 1) await run(() => at.logs.updateOne({ _id: session }, { $set: { redo: { after, puts } } }));
    await this.#put(session, after, puts, 'again');
    if (puts.length > 1) await run(() => at.logs.updateOne({ _id: session }, { $unset: { redo: 1 } }));
    return after;
  }

  async #put(session: SessionId, seq: number, puts: readonly PutDocument[], again?: 'again'): Promise<void> {
    await this.#putAll(
      puts.map((put) => ({ session, seq, put })),
      again,
    );
  }

  /** Each put replaces only one from an older append of its log, so a repeated or late put changes nothing. */
  async #putAll(puts: readonly LatePut[], again?: 'again'): Promise<void> {
    if (puts.length === 0) return;
    const operations = puts.map(({ session, seq, put }) => {
      const older = again ? { $lte: seq } : { $lt: seq };
      return {
        updateOne: {
          filter: { _id: recordId(put.kind, put.id), $or: [{ session: { $ne: session } }, { seq: older }] },
          update: { $set: { ...put, session, seq }, $inc: { version: 1 } },
          upsert: true,
        },
      };
    });
    const { run, at } = this.#connection;
    await run(() => at.records.bulkWrite(operations, { ordered: false }).catch(unlessDuplicates));
  }

  /** Completes an append that a dead writer left unfinished; resolves with the head. */
  async settle(session: SessionId): Promise<number> {
    const { run, at } = this.#connection;
    const [tail, log] = await Promise.all([
      run(() => at.events(session).findOne({ _id: eventRange(session) as never }, { sort: { _id: -1 } })),
      run(() => at.logs.findOne({ _id: session })),
    ]);
    const head = tail ? seqOf(tail._id) + (tail.left ?? 0) : 0;
    if (tail) await this.#redo(session, tail, head);
    if (tail) this.#appended(session, head); // its server may have died before it informed the followers
    if (log?.redo && log.redo.after === head) await this.#put(session, head, log.redo.puts, 'again');
    this.#unsure.delete(session);
    return head;
  }

  async #redo(session: SessionId, tail: EventDocument, head: number): Promise<void> {
    const { run, at } = this.#connection;
    const first = tail.nth
      ? await run(() => at.events(session).findOne({ _id: eventId(session, seqOf(tail._id) - (tail.nth ?? 0)) }))
      : tail;
    if (!first?.redo) return;
    if (tail.left) await run(() => this.#addMissing(restOf(session, first)));
    await this.#put(session, head, first.redo.puts);
  }

  /** Whether an append of another server, or one that failed here, may have left this log's records behind its events. */
  async mayBeAhead(session: SessionId): Promise<boolean> {
    if (this.#unsure.has(session)) return true;
    const known = this.#known.get(session);
    if (known && elapsed() - known.at < oursMs) return false;
    const log = await this.#connection.run(() => this.#connection.at.logs.findOne({ _id: session }));
    return log?.writer !== undefined && log.writer !== this.#self;
  }

  /** Completes the appends of dead servers at the start. Does not look for older ones. */
  async settleAll(): Promise<void> {
    const { run, at } = this.#connection;
    const fields = { projection: { writer: 1, opened: 1 } };
    const open = await run(() => at.logs.find({ writer: { $exists: true, $ne: this.#self } }, fields).toArray());
    await forEachConcurrent(open, settling, async ({ _id, writer = '', opened = 0 }) => {
      await this.settle(_id as SessionId);
      if (opened > this.#now() - openMs) return;
      const same = { _id, writer, opened: opened || { $exists: false } };
      await run(() => at.logs.updateOne(same as Filter<LogDocument>, { $unset: { writer: 1, opened: 1 } }));
    });
    await run(() => at.records.deleteMany({ kind: erasedKind, sort: { $lt: this.#now() - erasedRecordMs } }));
  }

  forget(session: SessionId): void {
    this.#known.delete(session);
  }

  /** The session is being erased, so its late puts are dropped. */
  async end(session: SessionId): Promise<void> {
    await this.#late.flush();
    this.#late.drop(session);
    this.#unsure.delete(session);
    this.forget(session);
  }

  /**
   * Takes this server's marks off, if the store answers soon: a shutdown has no time for a slow one, and a mark that stays costs
   * the next start only a look at its log.
   */
  async close(): Promise<void> {
    await atMost(closeMs, this.#finish());
  }

  /** A mark stays where a record may be behind: the next reader then looks at the log. */
  async #finish(): Promise<void> {
    await Promise.all(this.#tails.values());
    const isFlushed = await Promise.resolve(this.#late.flush()).then(
      () => true,
      () => false,
    );
    if (!isFlushed || this.#known.size === 0) return;
    const { run, at } = this.#connection;
    const finished = { writer: this.#self, _id: { $nin: [...this.#unsure] } } as Filter<LogDocument>;
    await run(() => at.logs.updateMany(finished, { $unset: { writer: 1, opened: 1 } })).catch(() => {});
  }

  /** Without `openedAt`, the next append opens the log again. */
  #know(session: SessionId, head: number, openedAt = -reopenMs): void {
    this.#known.delete(session);
    this.#known.set(session, { head, at: elapsed(), openedAt });
    if (this.#known.size <= maxKnown) return;
    const [oldest] = this.#known.keys();
    if (oldest) this.#known.delete(oldest);
  }
}

const fenced = (after: number, head: number) =>
  new AppError('fenced', `Another writer was here first: the log ends at ${head} or later, not at ${after}.`);

/** Of several puts of one record, only the last counts. */
const newestOf = (puts: readonly PutDocument[]): PutDocument[] => [
  ...new Map(puts.map((put) => [recordId(put.kind, put.id), put])).values(),
];

function partition<T>(all: readonly T[], isFirst: (one: T) => boolean): [T[], T[]] {
  return [all.filter(isFirst), all.filter((one) => !isFirst(one))];
}

function unlessDuplicates(thrown: unknown): void {
  const all = thrown instanceof MongoBulkWriteError ? [thrown.writeErrors].flat() : [];
  const others = all.filter(({ code }) => code !== 11000);
  if (!isDuplicate(thrown) || others.length > 0) throw thrown;
}

function eventDocuments({ sessionId, after, at, facts }: Append, puts: readonly PutDocument[], batch: string) {
  const texts = facts.map(factText);
  const size =
    texts.reduce((sum, { fact }) => sum + fact.length, 0) + puts.reduce((sum, { doc }) => sum + doc.length, 0);
  if (size > maxBytes) throw new AppError('payload_too_large', 'This is more than the store takes at once.');
  const redo = texts.length > 1 || puts.length > 0 ? { redo: { facts: texts.slice(1), puts } } : {};
  const [first] = texts as [FactText];
  const left = texts.length > 1 ? { left: texts.length - 1 } : {};
  const document = { ...eventDocument(sessionId, after + 1, at, first), batch, ...redo, ...left };
  return [document, ...restOf(sessionId, document)];
}

function restOf(session: SessionId, first: EventDocument): EventDocument[] {
  const rest = first.redo?.facts ?? [];
  return rest.map((text, n) => {
    const left = rest.length - n - 1;
    const place = { nth: n + 1, ...(left > 0 ? { left } : {}) };
    return { ...eventDocument(session, seqOf(first._id) + n + 1, first.at, text), ...place };
  });
}

export function eventDocument(session: SessionId, seq: number, at: number, { type, fact }: FactText): EventDocument {
  const mark = (droppable as ReadonlySet<string>).has(type) ? {} : { mark: markOf(session, type, seq) };
  const said = (searchable as ReadonlySet<string>).has(type) ? { said: 1 as const } : {};
  return { _id: eventId(session, seq), type, at, fact, ...mark, ...said };
}
