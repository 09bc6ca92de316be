import type { SessionFact } from '../../src/core/events.ts';
import { randomIds, type SessionId } from '../../src/core/ids.ts';
import type { EventLog, Store } from '../../src/core/ports.ts';
import { addSession } from './sessions.ts';

export type Act = (log: EventLog, id: SessionId, head: number) => Promise<number>;
const pageSize = 100;

/** The operations on a log whose cost must not grow with its length. */
export const logActs: Readonly<Record<string, Act>> = {
  /** Appends one durable event; returns the new head. */
  append: (log, id, head) => log.append({ sessionId: id, after: head, at: Date.now(), facts: [factOf(head + 1)] }),
  /** Reads a page from a random place. */
  async page(log, id, head) {
    const after = Math.floor(Math.random() * Math.max(1, head - pageSize));
    const { events } = await log.page(id, after, pageSize);
    if (events[0]?.seq !== after + 1) throw new Error('that is not the page that was asked for');
    return head;
  },
  /** Resumes a client that missed the last ten events. */
  resume: (log, id, head) => followed(log, id, { from: Math.max(0, head - 10), to: head }),
  /** Opens a new client: the newest page, then live. */
  async open(log, id, head) {
    const { events } = await log.page(id, head - pageSize, pageSize);
    if (events.at(-1)?.seq !== head) throw new Error('the newest page does not end at the head');
    return await followed(log, id, { from: head - 1, to: head });
  },
};

/** A session with so many events. */
export async function longLog(store: Store, events: number): Promise<SessionId> {
  const id = await addSession({ store, ids: randomIds() });
  for (let head = 1; head < events; ) {
    const facts = Array.from({ length: Math.min(1_000, events - head) }, (_, n) => factOf(head + n + 1));
    head = await store.events.append({ sessionId: id, after: head, at: Date.now(), facts });
  }
  return id;
}

async function followed(log: EventLog, id: SessionId, { from, to }: { from: number; to: number }): Promise<number> {
  const stop = new AbortController();
  for await (const item of log.follow(id, from, { signal: stop.signal, deltas: true })) {
    if (item.kind === 'resync') throw new Error(`told to resync: ${item.reason}`);
    if (item.events.some(({ seq }) => seq === to)) stop.abort();
  }
  return to;
}

const factOf = (seq: number): SessionFact => ({
  type: 'step',
  runId: null,
  data: { id: String(seq), description: `step ${seq} `.padEnd(180, '.'), status: 'running' },
});
