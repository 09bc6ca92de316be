import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { factsOf } from './kept-session.ts';
import { type ManagedEvent, Projection } from './projection.ts';

type Sessions = Services['sessions'];
const pageSize = 1_000;
const maxKept = 500;

/**
 * Reads logs as events of the API. It keeps the states of sessions that were read last, so that a list of sessions reads
 * only what is new in each log. Every read asks the service as the caller, whose rights it checks.
 */
export class SessionReader {
  readonly #kept = new Map<SessionId, Projection>();

  /** The state of the session at the end of its log. */
  async state(record: SessionRecord, sessions: Sessions): Promise<Projection> {
    const known = this.#kept.get(record.id);
    const projection = known ?? new Projection(record.id, factsOf(record));
    this.#kept.delete(record.id);
    await catchUp(projection, record.id, sessions);
    this.#kept.set(record.id, projection);
    const [oldest] = this.#kept.keys();
    if (this.#kept.size > maxKept && oldest !== undefined) this.#kept.delete(oldest);
    return projection;
  }

  /** A state of its own, for a stream. */
  async fresh(record: SessionRecord, sessions: Sessions): Promise<Projection> {
    const projection = new Projection(record.id, factsOf(record));
    await catchUp(projection, record.id, sessions);
    return projection;
  }
}

/** All events of a session, from the beginning of its log. */
export async function allEvents(record: SessionRecord, sessions: Sessions): Promise<ManagedEvent[]> {
  const projection = new Projection(record.id, factsOf(record));
  const events: ManagedEvent[] = [];
  await catchUp(projection, record.id, sessions, (more) => events.push(...more));
  return events;
}

async function catchUp(
  projection: Projection,
  id: SessionId,
  sessions: Sessions,
  heard: (events: readonly ManagedEvent[]) => void = () => {},
): Promise<void> {
  for (;;) {
    const { events, head } = await sessions.page(id, projection.seq, pageSize);
    for (const event of events) if (event.seq > projection.seq) heard(projection.add(event));
    if (events.length === 0 || projection.seq >= head) return;
  }
}
