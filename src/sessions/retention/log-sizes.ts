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

  constructor(events: EventStore) {
    this.#events = events;
  }

  async of(sessions: readonly StoredSession[], signal: AbortSignal): Promise<ReadonlyMap<SessionId, number>> {
    const ids = new Set(sessions.map(({ id }) => id));
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#known.delete(id);
    const bytes = new Map<SessionId, number>();
    const heads = await this.#events.heads([...ids]);
    for (const id of ids) {
      throwIfFired(signal);
      const known = this.#known.get(id);
      bytes.set(id, known?.head === heads.get(id) ? (known?.bytes ?? 0) : await this.measure(id));
    }
    return bytes;
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
