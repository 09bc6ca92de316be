import { isDeepStrictEqual } from 'node:util';
import { createKeyedQueue } from '../../../../core/concurrency/keyed-queue.ts';
import { runWorkLoop } from '../../../../core/concurrency/rounds.ts';
import type { EventPage } from '../../../../core/contracts/ports.ts';
import type { SessionEvent } from '../../../../core/model/events.ts';
import type { SessionId } from '../../../../core/model/ids.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { SseContext } from '../../../../http/transport/sse.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { ManagedEvent } from './projection.ts';
import { catchUpProjection, createSessionProjection } from './reader.ts';
import type { ThreadEvent } from './threads/session-projection.ts';

type Sessions = Services['sessions'];
/** The maximum number of sessions, and of characters of event JSON. */
export const maxEventListCacheSize = { sessions: 200, chars: 16 * 2 ** 20 };
/** Lists that have been unused for this long are dropped. */
const idleMs = 300_000;

/** A cached list equals one built from the complete logs. Every read checks the caller's permissions. */
export class EventListCache {
  readonly #cached = new Map<SessionId, EventList>();
  readonly #inOrder = createKeyedQueue();
  readonly #context: Pick<SseContext, 'clock' | 'closing'>;
  #isSweeping = false;

  constructor(context: Pick<SseContext, 'clock' | 'closing'>) {
    this.#context = context;
  }

  async of(
    { session, thread }: { readonly session: SessionRecord; readonly thread: SessionId },
    sessions: Sessions,
  ): Promise<readonly ManagedEvent[]> {
    return await this.#inOrder(session.id, async () => {
      let list = this.#cached.get(session.id);
      this.#cached.delete(session.id); // the list stays uncached if reading fails
      while (!list?.isOf(session) || !(await list.extend(sessions))) list = new EventList(session);
      this.#keep(list);
      return list.of(thread);
    });
  }

  #keep(list: EventList): void {
    if (!list.isWhole || list.chars > maxEventListCacheSize.chars) return;
    list.usedAt = this.#context.clock.now();
    this.#cached.set(list.id, list);
    let chars = [...this.#cached.values()].reduce((sum, one) => sum + one.chars, 0);
    for (const [id, oldest] of this.#cached) {
      if (this.#cached.size <= maxEventListCacheSize.sessions && chars <= maxEventListCacheSize.chars) break;
      this.#cached.delete(id);
      chars -= oldest.chars;
    }
    if (!this.#isSweeping) void this.#dropIdle();
  }

  async #dropIdle(): Promise<void> {
    const { clock, closing } = this.#context;
    this.#isSweeping = true;
    const round = async () => {
      for (const [id, { usedAt }] of this.#cached) if (usedAt <= clock.now() - idleMs) this.#cached.delete(id);
      return this.#cached.size > 0 ? idleMs : undefined;
    };
    await runWorkLoop(round, { clock, firstMs: idleMs, failedMs: idleMs }, closing);
    this.#isSweeping = false;
  }
}

interface ReadLog {
  /** The log's compaction marks. If they change, rebuilding the list could give a different result. */
  readonly dropped: string;
  newestAt: number;
}

class EventList {
  readonly #record: SessionRecord;
  readonly #projection;
  readonly #logs = new Map<SessionId, ReadLog>();
  readonly #events = new Map<SessionId, ManagedEvent[]>();
  usedAt = 0;
  chars = 0;
  /** False: this caller could not read a child; others may be able to. */
  isWhole = true;

  constructor(record: SessionRecord) {
    this.#record = record;
    this.#projection = createSessionProjection(record);
  }

  get id(): SessionId {
    return this.#record.id;
  }
  of(thread: SessionId): readonly ManagedEvent[] {
    const queued = this.#projection.has(thread) ? this.#projection.of(thread).queued : [];
    return [...(this.#events.get(thread) ?? []), ...queued];
  }
  /** A changed agent or budget affects even old events. */
  isOf({ agent, budget }: SessionRecord): boolean {
    return isDeepStrictEqual({ agent, budget }, { agent: this.#record.agent, budget: this.#record.budget });
  }

  /** False if the list would differ from one built from the complete logs. */
  async extend(sessions: Sessions): Promise<boolean> {
    const before = new Map([...this.#logs].map(([thread, { newestAt }]) => [thread, newestAt]));
    const end = await catchUpProjection(this.#projection, sessions, {
      shouldContinue: (thread, seq, page) => this.#shouldContinue({ thread, seq, page }, before),
      onEvents: (source, events) => this.#add(source, events),
    });
    return end === 'read';
  }

  #shouldContinue({ thread, seq, page }: NextPage, before: ReadonlyMap<SessionId, number>): boolean {
    if (!page) {
      this.isWhole = false;
      return before.size === 0;
    }
    const dropped = `${page.thinned} ${page.trimmed}`;
    const log = this.#logs.get(thread);
    if (!log) this.#logs.set(thread, { dropped, newestAt: 0 });
    if (page.head < seq || (log && log.dropped !== dropped)) return false;
    if (!before.has(thread)) return true;
    const more = page.events.filter((event) => event.seq > seq);
    const [first] = more;
    // An event is late if a newer one from another log has already been read.
    const isLate = first && [...before].some(([other, newestAt]) => other !== thread && newestAt >= first.ts);
    // An update to a child affects all of its events.
    return !isLate && !more.some(({ type }) => type === 'session.updated' && thread !== this.id);
  }

  #add(source: SessionEvent, events: readonly ThreadEvent[]): void {
    const log = this.#logs.get(source.sessionId);
    if (log) log.newestAt = Math.max(log.newestAt, source.ts);
    if (source.type === 'child.started' && !this.#projection.has(source.data.sessionId)) this.isWhole = false;
    for (const { thread, event } of events) {
      const known = this.#events.get(thread);
      if (known) known.push(event);
      else this.#events.set(thread, [event]);
      this.chars += JSON.stringify(event).length;
    }
  }
}
interface NextPage {
  readonly thread: SessionId;
  readonly seq: number;
  readonly page: EventPage | undefined;
}
