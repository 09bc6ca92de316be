import { pause } from '../core/cancel.ts';
import type { Clock } from '../core/clock.ts';
import type { SessionId } from '../core/ids.ts';
import type { EventStore } from '../core/ports.ts';

export interface OthersOptions {
  readonly clock: Clock;
  /** Nothing is looked for any more. */
  readonly signal: AbortSignal;
  /** The log of a followed session is gone: the session was deleted. */
  readonly onGone: (id: SessionId) => void;
  readonly warn: (error: unknown, text: string) => void;
}
interface Follows {
  followed(): SessionId[];
  /** Whether its followers have been told of that seq. */
  knows(id: SessionId, head: number): boolean;
  /** There is more in the log than they were told of; `known` is as far as this looked before. */
  appended(id: SessionId, head: number, known: number): Promise<void>;
}

const fast = 20;
const slow = 100; // what others see of a session within 150 ms
const idle = 250; // where nothing has come for a minute
const idleAfterMs = 60_000;
const watchAgainMs = 5_000;
const trustedAfterMs = 2_000; // one that cannot be had ends sooner
const told = 1_000;

/** Hears of what other servers append to followed sessions: told by the store where it can, else by asking it for heads. */
export function hearOthers(store: EventStore, options: OthersOptions, follows: Follows): { wake(): void } {
  const { clock, signal, warn, onGone } = options;
  const heads = new Map<SessionId, number>();
  let running = false;
  let isTold = () => false;

  async function look(): Promise<boolean> {
    const ids = follows.followed();
    for (const id of heads.keys()) if (!ids.includes(id)) heads.delete(id);
    let found = false;
    for (const [id, head] of await store.heads(ids)) found = (await heard(id, head)) || found;
    return found;
  }

  async function heard(id: SessionId, head: number): Promise<boolean> {
    const known = heads.get(id) ?? 0;
    heads.set(id, head);
    if (head === 0 && known > 0) onGone(id);
    if (head <= known || follows.knows(id, head)) return false;
    await follows.appended(id, head, known);
    return true;
  }

  async function poll(): Promise<void> {
    let wait = fast;
    let foundAt = clock.now();
    while (!signal.aborted && follows.followed().length > 0) {
      try {
        const found = await look();
        if (found) foundAt = clock.now();
        wait = found ? fast : Math.min(wait * 1.3, clock.now() - foundAt < idleAfterMs ? slow : idle);
      } catch (error) {
        wait = 1_000;
        warn(error, 'what other servers append could not be looked for');
      }
      await pause(isTold() ? told : wait, signal, clock).catch(() => {});
    }
  }

  /** While the store tells us, asking is only for what it forgot to tell. */
  async function watch(signal: AbortSignal): Promise<void> {
    while (!signal.aborted && store.watch) {
      const since = clock.now();
      isTold = () => clock.now() - since > trustedAfterMs;
      const tell = (id: SessionId, head: number) => {
        if (follows.followed().includes(id)) void heard(id, head).catch(() => {}); // it is asked for too
      };
      await store.watch(tell, signal).catch(() => {}); // some backends cannot, or not always
      isTold = () => false;
      await pause(watchAgainMs, signal, clock).catch(() => {});
    }
  }

  return {
    /** At least one subscriber follows a session. */
    wake() {
      if (running || signal.aborted) return;
      running = true;
      const over = new AbortController();
      const watched = watch(AbortSignal.any([signal, over.signal]));
      const polled = poll().finally(() => over.abort());
      void Promise.all([polled, watched]).finally(() => {
        running = false;
        if (follows.followed().length > 0) this.wake(); // somebody came while this ended
      });
    },
  };
}
