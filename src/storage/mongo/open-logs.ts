import type { Filter } from 'mongodb';
import { forEachConcurrent } from '../../core/concurrency/for-each-concurrent.ts';
import { monotonicNow } from '../../core/contracts/clock.ts';
import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { Connection } from './connection.ts';
import type { LogDocument } from './documents.ts';
import { isDuplicate } from './errors.ts';

/** An appending server renews its mark after this time. */
const renewMs = 5 * 60_000;
/** A server that has not renewed its mark for this long no longer appends. */
const abandonedMs = 3 * renewMs;
const atOnce = 8; // logs

/**
 * Marks the logs that this server appends to. Only a marked log can have an incomplete append, so record readers and
 * starting servers check only those.
 */
export class OpenLogMarker {
  readonly #connection: Connection;
  readonly #self: string;
  readonly #now: () => number;
  readonly #markedAt = new Map<SessionId, number>();

  constructor(connection: Connection, self: string, now: () => number) {
    this.#connection = connection;
    this.#self = self;
    this.#now = now;
  }

  isMarked(session: SessionId): boolean {
    return monotonicNow() - (this.#markedAt.get(session) ?? -renewMs) < renewMs;
  }

  /** Resolves with true if the log is new. */
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

  /** Completes the logs that other servers marked, and removes abandoned marks. */
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

  /** Removes this server's marks, except on logs whose newest append may be incomplete. */
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
      if (!(thrown instanceof AppError && isDuplicate(thrown.cause))) throw thrown;
      return false;
    }
  }
}
