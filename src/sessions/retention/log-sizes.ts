import { throwIfAborted } from '../../core/concurrency/cancel.ts';
import { RecordWatcher } from '../../core/contracts/changed-records.ts';
import type { EventStore, LogTrimMarks, Store } from '../../core/contracts/ports.ts';
import { SessionId } from '../../core/model/ids.ts';
import type { StoredSession } from '../run/log/projection.ts';

interface MeasuredLog extends LogTrimMarks {
  readonly head: number;
  readonly bytes: number;
}
const pageSize = 256;

/** Estimates the bytes of each log. Reads a log in full once and after each compaction, otherwise only its new events. */
export class LogSizeEstimator {
  readonly #events: EventStore;
  /** Sessions changed by any server. */
  readonly #news: RecordWatcher | undefined;
  readonly #known = new Map<SessionId, MeasuredLog>();
  readonly #grown = new Set<SessionId>();
  /** Logs that grew before the last refresh. They are measured again, because a log is compacted after its last append. */
  #justMeasured: readonly SessionId[] = [];
  #areAllKnown = false;

  constructor({ events, records, shared }: Pick<Store, 'events' | 'records' | 'shared'>) {
    this.#events = events;
    if (shared) this.#news = new RecordWatcher(records, 'session');
  }

  /** The bytes of each session's log. `sessions`: all stored sessions. */
  async of(sessions: readonly StoredSession[], signal: AbortSignal): Promise<ReadonlyMap<SessionId, number>> {
    this.#areAllKnown = false;
    const grown = new Set([...this.#grown, ...this.#justMeasured]);
    this.#justMeasured = [...this.#grown];
    this.#grown.clear();
    const ids = new Set(sessions.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    const bytes = new Map<SessionId, number>();
    const heads = await this.#events.heads([...ids]);
    for (const id of ids) {
      throwIfAborted(signal);
      const known = this.#known.get(id);
      bytes.set(id, known?.head === heads.get(id) && !grown.has(id) ? (known?.bytes ?? 0) : await this.measure(id));
    }
    this.#areAllKnown = true;
    return bytes;
  }

  /** Call for each log that grows, if no other server writes to the store. */
  grew(id: SessionId): void {
    this.#grown.add(id);
  }

  /** Resolves with the total bytes of all logs, and the logs larger than `above`. Undefined: not all are measured yet. */
  async refresh(above: number, signal: AbortSignal): Promise<{ total: number; longer: SessionId[] } | undefined> {
    const { changed = [], gone = [] } = (await this.#news?.next()) ?? {};
    for (const { id } of changed) this.grew(SessionId.parse(id));
    for (const id of gone) this.forget(SessionId.parse(id));
    if (!this.#areAllKnown) return undefined;
    const grown = [...this.#grown];
    for (const id of new Set([...grown, ...this.#justMeasured])) {
      throwIfAborted(signal);
      await this.measure(id);
    }
    for (const id of grown) this.#grown.delete(id);
    this.#justMeasured = grown;
    const all = [...this.#known];
    return {
      total: all.reduce((sum, [, { bytes }]) => sum + bytes, 0),
      longer: all.filter(([, { bytes }]) => bytes > above).map(([id]) => id),
    };
  }

  forget(id: SessionId): void {
    this.#known.delete(id);
    this.#grown.delete(id);
    this.#justMeasured = this.#justMeasured.filter((one) => one !== id);
  }

  bytesOf(id: SessionId): number {
    return this.#known.get(id)?.bytes ?? 0;
  }

  async measure(id: SessionId): Promise<number> {
    const known = this.#known.get(id);
    const first = await this.#events.page(id, known?.head ?? 0, pageSize);
    const isSame = known?.thinned === first.thinned && known.trimmed === first.trimmed;
    let page = known && !isSame ? await this.#events.page(id, 0, pageSize) : first;
    let bytes = known && isSame ? known.bytes : 0;
    const { head, thinned, trimmed } = page;
    while (page.events.length > 0) {
      for (const event of page.events) bytes += sizeOf(event);
      page = await this.#events.page(id, page.events.at(-1)?.seq ?? head, pageSize);
    }
    this.#known.set(id, { head, thinned, trimmed, bytes });
    return bytes;
  }

  async fitting(id: SessionId, maxBytes: number): Promise<number> {
    const over = (await this.measure(id)) - maxBytes;
    let [count, passed, after] = [0, 0, 0];
    for (;;) {
      const { events } = await this.#events.page(id, after, pageSize);
      if (events.length === 0) return count;
      for (const event of events) {
        if (passed >= over) count++;
        passed += sizeOf(event);
        after = event.seq;
      }
    }
  }
}

const sizeOf = (event: object): number => Buffer.byteLength(JSON.stringify(event));
