import { throwIfFired } from '../../core/concurrency/cancel.ts';
import type { EventStore, Marks } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { StoredSession } from '../run/log/projection.ts';

interface MeasuredLog extends Marks {
  readonly head: number;
  readonly bytes: number;
}
const pageSize = 256;

/** Estimates the bytes of each log. Reads a log once in full and later only its new events. */
export class LogSizes {
  readonly #events: EventStore;
  readonly #known = new Map<SessionId, MeasuredLog>();
  /** The logs that grew since they were measured, if the store reports it. */
  readonly #grown = new Set<SessionId>();
  #areAllKnown = false;

  constructor(events: EventStore) {
    this.#events = events;
  }

  /** `sessions`: all that are stored. */
  async of(sessions: readonly StoredSession[], signal: AbortSignal): Promise<ReadonlyMap<SessionId, number>> {
    this.#areAllKnown = false;
    this.#grown.clear();
    const ids = new Set(sessions.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    const bytes = new Map<SessionId, number>();
    const heads = await this.#events.heads([...ids]);
    for (const id of ids) {
      throwIfFired(signal);
      const known = this.#known.get(id);
      bytes.set(id, known?.head === heads.get(id) ? (known?.bytes ?? 0) : await this.measure(id));
    }
    this.#areAllKnown = true;
    return bytes;
  }

  /** Called for each log that grows, where no other server writes the store. */
  grew(id: SessionId): void {
    this.#grown.add(id);
  }

  /** Resolves with the bytes of all logs, and the logs with more than `above`, by reading those that grew; undefined: not all are known. */
  async refresh(above: number, signal: AbortSignal): Promise<{ total: number; longer: SessionId[] } | undefined> {
    if (!this.#areAllKnown) return undefined;
    for (const id of this.#grown) {
      throwIfFired(signal);
      this.#grown.delete(id);
      await this.measure(id).catch((thrown: unknown) => {
        this.#grown.add(id);
        throw thrown;
      });
    }
    const all = [...this.#known];
    return {
      total: all.reduce((sum, [, { bytes }]) => sum + bytes, 0),
      longer: all.filter(([, { bytes }]) => bytes > above).map(([id]) => id),
    };
  }

  forget(id: SessionId): void {
    this.#known.delete(id);
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

  /** The number of newest events that fit into `maxBytes`. */
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
