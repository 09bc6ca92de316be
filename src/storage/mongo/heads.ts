import { waitAtMost } from '../../core/concurrency/cancel.ts';
import { monotonicNow } from '../../core/contracts/clock.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { computeLogHead } from './completion.ts';
import type { MongoConnection } from './connection.ts';
import { toEventRangeFilter } from './documents.ts';

const [delayMs, longestMs] = [15, 60];
const [againMs, closeMs] = [250, 1_000];
const share = 3; // pause after a write, in multiples of the write's duration, within the limits above

/** Without change streams, appends store their heads, and servers poll all heads in one read. */
export class LogHeadTracker {
  readonly #connection: MongoConnection;
  readonly #noted: boolean;
  readonly #due = new Map<SessionId, number>();
  #timer: NodeJS.Timeout | undefined;
  #tookMs = 0;
  #writing: Promise<void> = Promise.resolve();
  #sent = new Map<SessionId, number>();
  #isClosed = false;

  constructor(connection: MongoConnection) {
    this.#connection = connection;
    this.#noted = !connection.can.changeStreams;
  }

  appended(session: SessionId, head: number): void {
    if (!this.#noted) return;
    this.#due.set(session, head);
    this.#flushAfter(Math.min(Math.max(delayMs, share * this.#tookMs), longestMs));
  }

  #flushAfter(ms: number): void {
    this.#timer ??= setTimeout(() => void this.#flush(), ms);
  }

  async forget(session: SessionId): Promise<void> {
    this.#due.delete(session);
    this.#sent.delete(session);
    await this.#connection.run(() => this.#connection.at.heads.deleteOne({ _id: session }));
  }

  async of(sessions: readonly SessionId[]): Promise<ReadonlyMap<SessionId, number>> {
    const heads = new Map(sessions.map((id) => [id, 0]));
    if (sessions.length === 0) return heads;
    const { run, at } = this.#connection;
    if (!this.#noted) {
      const newest = (id: SessionId) =>
        run(() =>
          at
            .events(id)
            .findOne({ _id: toEventRangeFilter(id) as never }, { sort: { _id: -1 }, projection: { left: 1 } }),
        );
      const found = await Promise.all(sessions.map(newest));
      sessions.forEach((id, n) => {
        const tail = found[n];
        if (tail) heads.set(id, computeLogHead(tail));
      });
      return heads;
    }
    await this.#flush();
    const notes = await run(() => at.heads.find({ _id: { $in: [...sessions] } }).toArray());
    for (const { _id, head } of notes) heads.set(_id as SessionId, head);
    return heads;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await waitAtMost(closeMs, this.#flush());
  }

  #flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  async #write(): Promise<void> {
    if (this.#due.size === 0) return;
    this.#sent = new Map(this.#due);
    this.#due.clear();
    const operations = [...this.#sent].map(([_id, head]) => ({
      updateOne: { filter: { _id }, update: { $max: { head } }, upsert: true },
    }));
    const { run, at } = this.#connection;
    const from = monotonicNow();
    // `w: 1` can lose heads, but a starting server stores them again.
    const noting = run(() => at.heads.bulkWrite(operations, { ordered: false, writeConcern: { w: 1 } }));
    await noting.catch(() => this.#keepSent());
    this.#tookMs = monotonicNow() - from;
  }

  /** Retries heads that could not be stored. Otherwise, other servers could miss the end of a quiet log. */
  #keepSent(): void {
    for (const [session, head] of this.#sent) if ((this.#due.get(session) ?? 0) < head) this.#due.set(session, head);
    if (!this.#isClosed && this.#due.size > 0) this.#flushAfter(againMs);
  }
}
