import { neverAbortingSignal, sleep } from '../../core/concurrency/cancel.ts';
import type { Store } from '../../core/contracts/ports.ts';
import type { ServerDependencies } from '../../core/contracts/server-parts.ts';
import type { SessionId } from '../../core/model/ids.ts';
import type { SessionCommands } from './session-commands.ts';
import type { SessionStreamRegistry } from './watchers.ts';

export interface RemovalDeps extends Pick<ServerDependencies, 'clock' | 'ids'> {
  readonly commands: SessionCommands;
  readonly watchers: Pick<SessionStreamRegistry, 'end' | 'isInUse'>;
  readonly store: Pick<Store, 'events' | 'shared'>;
  readonly forget?: (id: SessionId) => Promise<void>;
}
const lastWordsMs = 50;

/** Removes the log last, so that an interrupted removal can be repeated. */
export async function removeSession(
  { commands, watchers, store, ids, clock, forget }: RemovalDeps,
  id: SessionId,
): Promise<void> {
  await commands.command(id, { type: 'cmd.delete', commandId: ids.short() });
  // Gives streams time to send the last events. Always waits if the store is shared, because other servers' streams are
  // not visible here.
  if (store.shared || watchers.isInUse(id)) await sleep(lastWordsMs, neverAbortingSignal, clock);
  watchers.end(id);
  await forget?.(id);
  await store.events.erase(id);
}
