import type { Append, EventPage, EventStore, Store } from '../../core/contracts/ports.ts';
import type { SessionEvent } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { charsIn } from './live-window.ts';

/** The limits in memory for all logs together, and for each. */
export interface RecentLimits {
  readonly logs: number;
  readonly chars: number;
  readonly eventsEach: number;
  readonly charsEach: number;
}
const usual: RecentLimits = { logs: 256, chars: 4 * 1024 * 1024, eventsEach: 512, charsEach: 256 * 1024 };

/** The end of a log without gaps: all its events after `from`. */
interface LogTail extends Omit<EventPage, 'events'> {
  from: number;
  head: number;
  readonly events: SessionEvent[];
  readonly sizes: number[];
  chars: number;
}

/** The same store with a cache of recent events, for a store that no other server writes to. */
export function withRecent(store: Store, limits?: RecentLimits): Store {
  return { ...store, events: recentEvents(store.events, limits) };
}

/**
 * Keeps the newest events of the logs in use. A read through another thread takes longer than the rest of a request.
 * Each event stays the same object while it is cached, so a facade can cache its results by object identity.
 */
export function recentEvents(events: EventStore, limits: RecentLimits = usual): EventStore {
  const tails = new Map<SessionId, LogTail>(); // in order of use, the least recent first
  let chars = 0;
  /** A page that was read during a change can be outdated. */
  let changes = 0;

  function forget(id: SessionId): void {
    chars -= tails.get(id)?.chars ?? 0;
    tails.delete(id);
  }

  function use(id: SessionId, tail: LogTail): void {
    tails.delete(id);
    tails.set(id, tail);
    for (const [oldest] of tails) {
      if (tails.size <= limits.logs && chars <= limits.chars) return;
      forget(oldest);
    }
  }

  function grow(tail: LogTail, event: SessionEvent): void {
    const size = charsIn(event.data);
    tail.events.push(event);
    tail.sizes.push(size);
    tail.chars += size;
    chars += size;
    while (tail.events.length > limits.eventsEach || tail.chars > limits.charsEach) {
      tail.from = tail.events.shift()?.seq ?? tail.head;
      const gone = tail.sizes.shift() ?? 0;
      tail.chars -= gone;
      chars -= gone;
    }
  }

  function appended({ sessionId, after, at, facts }: Append): void {
    if (facts.length === 0) return;
    const tail = tails.get(sessionId) ?? (after === 0 ? emptyTail(0, { thinned: 0, trimmed: 0 }) : undefined);
    if (!tail || after + facts.length <= tail.head) return; // a page that was read meanwhile has them
    if (after !== tail.head) {
      forget(sessionId);
      return;
    }
    facts.forEach((fact, n) => {
      grow(tail, { seq: after + n + 1, sessionId, ts: at, ...fact });
    });
    tail.head = after + facts.length;
    use(sessionId, tail);
  }

  function read(id: SessionId, after: number, { events: found, head, ...marks }: EventPage): void {
    if (found.at(-1)?.seq !== head) return;
    forget(id);
    const tail = emptyTail(after, marks);
    for (const event of found) grow(tail, event);
    tail.head = head;
    use(id, tail);
  }

  /** After a failed append the store's state is unknown. */
  async function changing<Value>(id: SessionId, change: () => Promise<Value>): Promise<Value> {
    forget(id);
    try {
      return await change();
    } finally {
      changes++;
      forget(id);
    }
  }

  return {
    ...events,
    async append(entry) {
      try {
        const head = await events.append(entry);
        changes++;
        appended(entry);
        return head;
      } catch (thrown) {
        changes++;
        forget(entry.sessionId);
        throw thrown;
      }
    },
    async page(id, after, limit) {
      const tail = tails.get(id);
      if (tail && after >= tail.from) {
        use(id, tail);
        return pageOf(tail, after, limit);
      }
      const before = changes;
      const page = await events.page(id, after, limit);
      if (before === changes) read(id, after, page);
      return page;
    },
    compact: (id, keep) => changing(id, () => events.compact(id, keep)),
    restore: (id, given, marks) => changing(id, () => events.restore(id, given, marks)),
    erase: (id) => changing(id, () => events.erase(id)),
  };
}

const emptyTail = (from: number, { thinned, trimmed }: Pick<EventPage, 'thinned' | 'trimmed'>): LogTail => ({
  from,
  head: from,
  events: [],
  sizes: [],
  chars: 0,
  thinned,
  trimmed,
});

function pageOf({ events, head, thinned, trimmed }: LogTail, after: number, limit: number): EventPage {
  const begin = events.findLastIndex(({ seq }) => seq <= after) + 1;
  return { events: events.slice(begin, begin + limit), head, thinned, trimmed };
}
