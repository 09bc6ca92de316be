import { combineSignals } from '../../core/concurrency/cancel.ts';
import { runWorkLoop } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type {
  AppendRequest,
  EventLog,
  EventPage,
  EventStore,
  FollowOptions,
  LogUpdate,
} from '../../core/contracts/ports.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionEvent } from '../../core/model/events.ts';
import type { SessionId } from '../../core/model/ids.ts';

interface LiveWindowLimits {
  readonly events: number;
  readonly chars: number;
}

/** Newest events of a followed session, without gaps. All followers get the same objects. */
export class LiveEventWindow {
  readonly #limits: LiveWindowLimits;
  readonly #events: SessionEvent[] = [];
  readonly #sizes: number[] = [];
  #chars = 0;
  #head: number | undefined;

  constructor(limits: LiveWindowLimits) {
    this.#limits = limits;
  }

  /** Undefined before the first append. The store may have newer events. */
  get head(): number | undefined {
    return this.#head;
  }

  after(cursor: number): readonly SessionEvent[] {
    const first = this.#events[0]?.seq;
    return first === undefined || cursor + 1 < first ? [] : this.#events.slice(cursor + 1 - first);
  }

  add({ sessionId, after, at, facts }: AppendRequest): void {
    if (this.#head !== undefined && after < this.#head) return;
    if (after !== this.#head) this.#clear();
    facts.forEach((fact, n) => {
      this.#keep({ seq: after + n + 1, sessionId, ts: at, ...fact });
    });
    this.#head = after + facts.length;
    this.#trim();
  }

  /** Call when other servers have appended up to `head`. Empties the window first, unless `events` continues it. */
  catchUp(head: number, events: readonly SessionEvent[]): void {
    if (this.#head !== undefined && head <= this.#head) return;
    if (events[0]?.seq !== (this.#head ?? 0) + 1) this.#clear();
    for (const event of events) this.#keep(event);
    this.#head = head;
    this.#trim();
  }

  #keep(event: SessionEvent): void {
    const chars = countChars(event.data);
    this.#events.push(event);
    this.#sizes.push(chars);
    this.#chars += chars;
  }

  #trim(): void {
    while (this.#events.length > this.#limits.events || this.#chars > this.#limits.chars) {
      this.#events.shift();
      this.#chars -= this.#sizes.shift() ?? 0;
    }
  }

  #clear(): void {
    this.#events.length = 0;
    this.#sizes.length = 0;
    this.#chars = 0;
  }
}

function countChars(value: unknown): number {
  if (typeof value === 'string') return value.length;
  if (typeof value !== 'object' || value === null) return 8;
  let chars = 0;
  for (const part of Object.values(value)) chars += 8 + countChars(part);
  return chars;
}

export interface EventLogOptions {
  /** A live reader that falls more than this many events behind gets a resync. */
  readonly maxLag: number;
  readonly pageSize: number;
  readonly window?: LiveWindowLimits;
  readonly others?: OtherServersOptions;
}
const defaultWindow: LiveWindowLimits = { events: 512, chars: 1024 * 1024 };

/** Callers must not change appended facts, because followers get the same objects. */
export function createEventLog(store: EventStore, options: EventLogOptions): EventLog {
  const followed = new Map<SessionId, Followers>();
  const listeners: ((entry: AppendRequest) => void)[] = [];

  async function* follow(
    sessionId: SessionId,
    after: number,
    { signal, deltas }: FollowOptions,
  ): AsyncGenerator<LogUpdate> {
    using seat = join(sessionId, signal); // before the first read, so that no append is missed
    const { window, bell } = seat;
    let cursor = after;
    let headWhenWoken = Number.POSITIVE_INFINITY; // until the first wake-up, nothing counts as lag: a history can be long
    // a reader that starts at cursor 0 tolerates trimmed old events, but no later gap
    let forgiven = after === 0 ? undefined : 0;
    const isTooSlow = (head: number) => head - Math.max(cursor, headWhenWoken) > options.maxLag;

    while (!signal.aborted) {
      const kept = isTooSlow(window.head ?? 0) ? [] : window.after(cursor);
      const newest = kept.at(-1);
      if (newest) {
        forgiven ??= 0;
        yield { kind: 'events', events: kept };
        cursor = newest.seq;
        continue;
      }
      if (cursor !== window.head) {
        const page = await unlessFired(store.page(sessionId, cursor, options.pageSize), signal);
        if (!page) return;
        const mark = deltas ? Math.max(page.thinned, page.trimmed) : page.trimmed;
        forgiven ??= mark;
        const reason = reasonToResync({
          cursor,
          page,
          hole: mark > forgiven ? mark : 0,
          tooSlow: isTooSlow(page.head),
        });
        if (reason) {
          yield { kind: 'resync', reason, oldest: Math.min(mark + 1, page.head), head: page.head };
          cursor = page.head;
          continue;
        }
        const last = page.events.at(-1);
        if (last) {
          yield { kind: 'events', events: page.events };
          cursor = last.seq;
          continue; // only an empty page proves that the reader has caught up
        }
      }
      await bell.heard();
      headWhenWoken = Math.max(cursor, window.head ?? 0); // the reader was waiting, so a burst is not lag
    }
  }

  const others =
    options.others &&
    followOtherServers(store, options.others, {
      followed: () => [...followed.keys()],
      knows: (id, head) => (followed.get(id)?.window.head ?? -1) >= head,
      async appended(id, head, known) {
        const here = followed.get(id);
        if (!here) return;
        const isFew = known > 0 && known === here.window.head && head - known <= options.pageSize;
        const events = isFew ? (await store.page(id, known, options.pageSize)).events : [];
        here.window.catchUp(events.at(-1)?.seq ?? head, events);
        for (const bell of here.bells) bell.ring();
      },
    });

  function join(sessionId: SessionId, signal: AbortSignal): LogSubscription {
    const here = followed.get(sessionId) ?? {
      window: new LiveEventWindow(options.window ?? defaultWindow),
      bells: new Set(),
    };
    followed.set(sessionId, here);
    const bell = new WakeSignal();
    here.bells.add(bell);
    others?.wake();
    signal.addEventListener('abort', bell.ring, { once: true });
    return {
      window: here.window,
      bell,
      [Symbol.dispose]: () => {
        signal.removeEventListener('abort', bell.ring);
        if (here.bells.delete(bell) && here.bells.size === 0) followed.delete(sessionId);
      },
    };
  }

  return {
    follow,
    onAppend: (listener) => void listeners.push(listener),
    page: (sessionId, after, limit) => store.page(sessionId, after, limit),
    async append(entry) {
      const held = failpoint('store.append.before');
      if (held) await held; // awaits only an armed failpoint, to save a microtask
      const head = await store.append(entry);
      const kept = failpoint('store.append.after');
      if (kept) await kept;
      const here = followed.get(entry.sessionId);
      if (here && entry.facts.length > 0) {
        here.window.add(entry);
        for (const bell of here.bells) bell.ring();
      }
      for (const listener of listeners) listener(entry);
      return head;
    },
  };
}

interface Followers {
  readonly window: LiveEventWindow;
  readonly bells: Set<WakeSignal>;
}
interface LogSubscription extends Disposable {
  readonly window: LiveEventWindow;
  readonly bell: WakeSignal;
}

interface ReadPosition {
  readonly cursor: number;
  readonly page: EventPage;
  /** Last missing seq that the reader needs, or 0 if none is missing. */
  readonly hole: number;
  readonly tooSlow: boolean;
}
function reasonToResync({ cursor, page, hole, tooSlow }: ReadPosition) {
  if (cursor > page.head) return 'cursor_ahead';
  if (cursor < hole) return 'cursor_too_old';
  return tooSlow ? 'too_slow' : undefined;
}

/** A signal between two waits is not lost. Several signals wake the reader once. */
class WakeSignal {
  #rang = Promise.withResolvers<void>();
  ring = () => this.#rang.resolve();
  async heard(): Promise<void> {
    await this.#rang.promise;
    this.#rang = Promise.withResolvers();
  }
}

/** Resolves with undefined if the signal fires first, without waiting for a slow store. */
function unlessFired<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  const leave = () => resolve(undefined);
  signal.addEventListener('abort', leave, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  return promise;
}

interface OtherServersOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onGone: (id: SessionId) => void;
  readonly warn: (error: unknown, text: string) => void;
}
interface LogFollowers {
  followed(): SessionId[];
  knows(id: SessionId, head: number): boolean;
  /** `known`: head at the last check. */
  appended(id: SessionId, head: number, known: number): Promise<void>;
}

const fast = 20;
const slow = 100; // ms; followers see other servers' events within 150 ms
const idle = 250; // ms; used after a minute without new events in any followed session
const idleAfterMs = 60_000;
const watchAgainMs = 5_000;
const trustedAfterMs = 2_000; // a watch counts as working after this time; an unsupported watch fails before then
const reportedMs = 1_000;

/** The store pushes other servers' appends if it can; otherwise the heads are polled. */
function followOtherServers(store: EventStore, options: OtherServersOptions, follows: LogFollowers): { wake(): void } {
  const { clock, signal, warn, onGone } = options;
  const heads = new Map<SessionId, number>();
  let running = false;
  let isNotified = () => false;

  async function look(): Promise<boolean> {
    const ids = follows.followed();
    for (const id of heads.keys()) if (!ids.includes(id)) heads.delete(id);
    let found = false;
    for (const [id, head] of await store.heads(ids)) found = (await heard(id, head)) || found;
    return found;
  }

  async function heard(id: SessionId, head: number): Promise<boolean> {
    const known = heads.get(id) ?? 0;
    const isNews = head > known && !follows.knows(id, head);
    // Heads are recorded only after success, so that a failed call is retried.
    if (isNews) await follows.appended(id, head, known);
    heads.set(id, head);
    if (head === 0 && known > 0) onGone(id);
    return isNews;
  }

  async function poll(): Promise<void> {
    let wait = fast;
    let foundAt = clock.now();
    const round = async () => {
      if (follows.followed().length === 0) return undefined;
      const found = await look();
      if (found) foundAt = clock.now();
      wait = found ? fast : Math.min(wait * 1.3, clock.now() - foundAt < idleAfterMs ? slow : idle);
      return isNotified() ? reportedMs : wait;
    };
    const onError = (error: unknown) => warn(error, 'events from other servers could not be read');
    await runWorkLoop(round, { clock, failedMs: reportedMs, onError }, signal);
  }

  /** Polling continues as a safety net. */
  async function watch(signal: AbortSignal): Promise<void> {
    const round = async () => {
      if (!store.watch) return undefined;
      const since = clock.now();
      isNotified = () => clock.now() - since > trustedAfterMs;
      const tell = (id: SessionId, head: number) => {
        if (follows.followed().includes(id)) void heard(id, head).catch(() => {}); // polling covers failures
      };
      await store.watch(tell, signal).catch(() => {}); // not every store can push
      isNotified = () => false;
      return watchAgainMs;
    };
    await runWorkLoop(round, { clock, failedMs: watchAgainMs }, signal);
  }

  return {
    /** Starts the checks unless they are running. Call when a session gets a follower. */
    wake() {
      if (running || signal.aborted) return;
      running = true;
      const over = new AbortController();
      const watched = watch(combineSignals([signal, over.signal]));
      const polled = poll().finally(() => over.abort());
      void Promise.all([polled, watched]).finally(() => {
        running = false;
        if (follows.followed().length > 0) this.wake(); // a follower may have joined while polling was stopping
      });
    },
  };
}
