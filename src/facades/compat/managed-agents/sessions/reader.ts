import type { EventPage } from '../../../../core/contracts/ports.ts';
import { ignoreSessionNotFound } from '../../../../core/errors/errors.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { toBudgetView } from './budget.ts';
import { readAgentDetails } from './kept-session.ts';
import { SessionProjection, type ThreadEvent } from './threads/session-projection.ts';

type Sessions = Services['sessions'];
const pageSize = 1_000;
const maxKept = 500;

/** Caches recently read sessions. Every read checks the caller's permissions. */
export class SessionReader {
  readonly #cached = new Map<SessionId, SessionProjection>();

  async state(record: SessionRecord, sessions: Sessions): Promise<SessionProjection> {
    for (;;) {
      const projection = this.#cached.get(record.id) ?? createSessionProjection(record);
      this.#cached.delete(record.id);
      this.#cached.set(record.id, projection);
      const [oldest] = this.#cached.keys();
      if (this.#cached.size > maxKept && oldest !== undefined) this.#cached.delete(oldest);
      // Readers share the projection, which skips events that it already has.
      const end = await catchUpProjection(projection, sessions, { shouldContinue: isWhole, isShared: true });
      if (end === 'read') return projection;
      if (end === 'child missing') break;
      if (this.#cached.get(record.id) === projection) this.#cached.delete(record.id);
    }
    // This caller cannot read every child, so it gets a separate projection.
    const own = createSessionProjection(record);
    await catchUpProjection(own, sessions);
    return own;
  }

  async own(record: SessionRecord, sessions: Sessions): Promise<SessionProjection> {
    return (await this.state(record, sessions)).copy();
  }
}

export const createSessionProjection = (record: SessionRecord) =>
  new SessionProjection(record.id, readAgentDetails(record), toBudgetView(record));

export async function addEventToProjection(
  projection: SessionProjection,
  event: SessionEvent,
  sessions: Sessions,
): Promise<readonly ThreadEvent[]> {
  return (await addWithChild(projection, event, sessions)) ?? projection.add(event);
}

async function addWithChild(
  projection: SessionProjection,
  event: SessionEvent,
  sessions: Sessions,
): Promise<readonly ThreadEvent[] | undefined> {
  if (event.type === 'child.started' && !projection.has(event.data.sessionId)) {
    const child = await sessions.get(event.data.sessionId).catch(ignoreSessionNotFound);
    if (!child) return undefined;
    projection.open(child.id, event.sessionId, readAgentDetails(child));
  }
  if (event.type === 'session.updated' && event.data.agent && projection.has(event.sessionId)) {
    const changed = await sessions.get(event.sessionId).catch(ignoreSessionNotFound);
    if (changed) projection.of(event.sessionId).setAgent(readAgentDetails(changed));
  }
  return projection.add(event);
}

interface CatchUp {
  readonly onEvents?: (source: SessionEvent, events: readonly ThreadEvent[]) => void;
  /** `page` is undefined for a thread that is gone or unreadable. */
  readonly shouldContinue?: (thread: SessionId, seq: number, page: EventPage | undefined) => boolean;
  /** Stops before an unreadable child instead of dropping it, because callers share the projection. */
  readonly isShared?: true;
}
/** False if the log was rolled back or lost unread events. */
const isWhole = (_: SessionId, seq: number, page: EventPage | undefined): boolean =>
  seq === 0 || !page || (page.trimmed <= seq && page.head >= seq);

/** Reads all logs to the end, merged by time. `stale`: `shouldContinue` returned false. */
export async function catchUpProjection(
  projection: SessionProjection,
  sessions: Sessions,
  { onEvents: listener = () => {}, shouldContinue = () => true, isShared }: CatchUp = {},
): Promise<'read' | 'stale' | 'child missing'> {
  const ended = new Set<SessionId>();
  const pages = new Map<SessionId, SessionEvent[]>();
  const [primary] = projection.threads;
  for (;;) {
    for (const thread of projection.threads) {
      if (ended.has(thread) || (pages.get(thread)?.length ?? 0) > 0) continue;
      const seq = projection.seqOf(thread);
      const page = sessions.page(thread, seq, pageSize);
      const read = await (thread === primary ? page : page.catch(ignoreSessionNotFound));
      if (!read && isShared) return 'child missing';
      if (!shouldContinue(thread, seq, read)) return 'stale';
      if (!read) projection.forget(thread);
      const events = read?.events.filter(({ seq }) => seq > projection.seqOf(thread)) ?? [];
      pages.set(thread, [...events]);
      if ((events.at(-1)?.seq ?? 0) >= (read?.head ?? 0) || events.length === 0) ended.add(thread);
    }
    const next = takeEarliest(pages);
    if (!next) return 'read';
    const known = projection.threads.length;
    // The log of a started child is read before anything else is added.
    while (projection.threads.length === known) {
      const event = takeEarliest(pages)?.shift();
      if (!event) break;
      const add = isShared ? addWithChild : addEventToProjection;
      const emitted = await add(projection, event, sessions);
      if (!emitted) return 'child missing';
      listener(event, emitted);
      if (pages.get(event.sessionId)?.length === 0) break;
    }
  }
}

function takeEarliest(pages: ReadonlyMap<SessionId, SessionEvent[]>): SessionEvent[] | undefined {
  let found: SessionEvent[] | undefined;
  for (const rest of pages.values()) {
    const [first] = rest;
    const [best] = found ?? [];
    if (first && (!best || first.ts < best.ts)) found = rest;
  }
  return found;
}
