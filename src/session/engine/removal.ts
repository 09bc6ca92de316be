import { pause } from '../../core/cancel.ts';
import type { Clock } from '../../core/clock.ts';
import type { IdSource, SessionId } from '../../core/ids.ts';
import type { Store } from '../../core/ports.ts';
import type { Engine } from './engine.ts';
import type { Watchers } from './watchers.ts';

interface Deps {
  readonly engine: Engine;
  readonly watchers: Watchers;
  readonly store: Store;
  readonly ids: IdSource;
  readonly clock: Clock;
  /** Removes what is kept of it outside of the log. */
  readonly forget?: (id: SessionId) => Promise<void>;
}
const lastWordsMs = 50;

/** Ends what a session with a tombstone still has; its log goes last, so that a cut removal is taken up again. */
export async function removeSession(
  { engine, watchers, store, ids, clock, forget }: Deps,
  id: SessionId,
): Promise<void> {
  await engine.command(id, { type: 'cmd.delete', commandId: ids.short() });
  await pause(lastWordsMs, new AbortController().signal, clock); // its streams get to say how the run ended
  watchers.end(id);
  await forget?.(id);
  await store.events.erase(id);
}
