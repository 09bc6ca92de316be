import { AppError } from '../../core/errors/errors.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import type { SessionListChange } from '../api/sessions.ts';

/** Limit of changed sessions waiting for a watcher; beyond it, the watcher is evicted with queue_full. */
const maxWaiting = 10_000;

interface Watcher {
  /** Latest state of each session: a slow watcher misses intermediate states, but never the last one. */
  readonly waiting: Map<SessionId, SessionListChange>;
  wake: () => void;
}

export class SessionChangeFeed {
  readonly #watchers = new Set<Watcher>();

  tell(news: SessionListChange): void {
    for (const { waiting, wake } of this.#watchers) {
      if (waiting.size <= maxWaiting) waiting.set(news.session.id, news);
      wake();
    }
  }

  /** Yields every session of `list` as `changed`, then each change, until the signal fires. Rejects: queue_full. */
  async *watch(list: () => Promise<readonly SessionRecord[]>, signal: AbortSignal): AsyncGenerator<SessionListChange> {
    const watcher: Watcher = { waiting: new Map(), wake: () => {} };
    const wake = () => watcher.wake();
    signal.addEventListener('abort', wake, { once: true });
    this.#watchers.add(watcher); // before the list is read, so that no change is missed
    try {
      for (const session of await list()) {
        if (!watcher.waiting.has(session.id)) yield { type: 'changed', session };
        if (signal.aborted) return;
      }
      while (!signal.aborted) {
        if (watcher.waiting.size > maxWaiting)
          throw new AppError('queue_full', 'Too many changes are unread. Watch again.');
        const [next] = watcher.waiting;
        if (next) {
          watcher.waiting.delete(next[0]);
          yield next[1];
          continue;
        }
        await new Promise<void>((resolve) => {
          watcher.wake = resolve;
        });
      }
    } finally {
      this.#watchers.delete(watcher);
      signal.removeEventListener('abort', wake);
    }
  }
}
