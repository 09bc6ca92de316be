import { runRounds } from '../../core/concurrency/rounds.ts';
import type { Clock } from '../../core/contracts/clock.ts';
import type { EventStore } from '../../core/contracts/ports.ts';
import type { SessionId } from '../../core/model/ids.ts';

export interface OtherServersOptions {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onGone: (id: SessionId) => void;
  readonly warn: (error: unknown, text: string) => void;
}
interface LogFollowers {
  followed(): SessionId[];
  knows(id: SessionId, head: number): boolean;
  /** Called when the log has events that the followers lack. `known`: head at the last check. */
  appended(id: SessionId, head: number, known: number): Promise<void>;
}

const fast = 20;
const slow = 100; // ms; followers see other servers' events within 150 ms
const idle = 250; // ms; for sessions without an event for a minute
const idleAfterMs = 60_000;
const watchAgainMs = 5_000;
const trustedAfterMs = 2_000; // an unsupported watch fails sooner
const reportedMs = 1_000;

/**
 * Finds other servers' appends to followed sessions. The store pushes them if it can; otherwise their heads are polled.
 */
export function followOtherServers(
  store: EventStore,
  options: OtherServersOptions,
  follows: LogFollowers,
): { wake(): void } {
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
    // A failure is retried, because the head is recorded only afterwards.
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
    const onError = (error: unknown) => warn(error, 'what other servers append could not be looked for');
    await runRounds(round, { clock, failedMs: reportedMs, onError }, signal);
  }

  /** While the store pushes, polling is only a safety net. */
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
    await runRounds(round, { clock, failedMs: watchAgainMs }, signal);
  }

  return {
    /** Starts the checks unless they are running. Call when a session gets a follower. */
    wake() {
      if (running || signal.aborted) return;
      running = true;
      const over = new AbortController();
      const watched = watch(AbortSignal.any([signal, over.signal]));
      const polled = poll().finally(() => over.abort());
      void Promise.all([polled, watched]).finally(() => {
        running = false;
        if (follows.followed().length > 0) this.wake(); // a follower arrived during the last steps
      });
    },
  };
}
