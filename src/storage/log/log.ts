import type {
  AppendRequest,
  EventLog,
  EventPage,
  EventStore,
  FollowOptions,
  LogUpdate,
} from '../../core/contracts/ports.ts';
import { failpoint } from '../../core/errors/failpoint.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { followOtherServers, type OtherServersOptions } from './follow-other-servers.ts';
import { LiveEventWindow, type WindowLimits } from './live-window.ts';

export interface EventLogOptions {
  /** Events that a live reader can fall behind before it gets a resync. */
  readonly maxLag: number;
  readonly pageSize: number;
  readonly window?: WindowLimits;
  /** Set if other servers append to the same store. */
  readonly others?: OtherServersOptions;
}
const defaultWindow: WindowLimits = { events: 512, chars: 1024 * 1024 };

/**
 * A follower has no buffer: it reads the window that all live followers of a session share, and older events from the
 * store. Followers get the same objects, so callers must not change facts after appending them.
 */
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
    let headWhenWoken = Number.POSITIVE_INFINITY; // only a live reader can lag; a long history is not lag
    let forgiven = after === 0 ? undefined : 0; // cursor 0 accepts a trimmed history, but no new gap
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
        // One read serves all followers. If there is more, each follower reads at its own pace.
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
      if (held) await held; // only if armed, because `await` costs a turn of the event loop
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
  /** Last missing seq that the reader needs; 0: none. */
  readonly hole: number;
  readonly tooSlow: boolean;
}
function reasonToResync({ cursor, page, hole, tooSlow }: ReadPosition) {
  if (cursor > page.head) return 'cursor_ahead';
  if (cursor < hole) return 'cursor_too_old';
  return tooSlow ? 'too_slow' : undefined;
}

/** Signals between two waits are not lost; several count as one. */
class WakeSignal {
  #rang = Promise.withResolvers<void>();
  ring = () => this.#rang.resolve();
  async heard(): Promise<void> {
    await this.#rang.promise;
    this.#rang = Promise.withResolvers();
  }
}

/** Resolves with undefined when the signal fires, so that a leaving reader does not wait for a slow store. */
function unlessFired<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<T | undefined>();
  const leave = () => resolve(undefined);
  signal.addEventListener('abort', leave, { once: true });
  work.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave));
  return promise;
}
