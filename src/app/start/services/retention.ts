import type { Store } from '../../../core/contracts/ports.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { Lifetimes } from '../../../sessions/retention/lifetimes.ts';
import { Retention } from '../../../sessions/retention/retention.ts';
import { shortenRequests } from '../../../sessions/run/log/request-upgrade.ts';
import type { RunningEngine } from '../engine.ts';
import type { Sandboxes } from '../sandboxes.ts';
import { runInBackground, type Startup } from '../startup.ts';
import type { Storage } from '../storage.ts';

interface RetentionDeps {
  readonly store: Store;
  readonly storage: Pick<Storage, 'live' | 'log' | 'watchers' | 'replica'>;
  readonly engine: Pick<RunningEngine['engine'], 'liveSessions' | 'commands'>;
  readonly driver: Sandboxes['driver'];
  readonly sessions: SessionService;
  /** Removes unused data from before this time; resolves with the number. */
  readonly collect: (before: number, signal: AbortSignal) => Promise<number>;
}
const everyMs = 60_000;

/** Deletes old sessions, and ends those whose lifetime is over. */
export function openRetention(
  { clock, logger, closing }: Startup,
  { store, storage: { live, log, watchers, replica }, engine, driver, sessions, collect }: RetentionDeps,
): AsyncDisposable & { readonly retention: Retention } {
  const retention = new Retention({
    ...engine,
    policyOf: () => live.now.retention,
    store,
    log,
    driver,
    watchers,
    clock,
    logger,
    collect,
    ownership: replica.ownership,
    mayDeleteOld: replica.mayDeleteOld,
    name: replica.name ?? 'alone',
    remove: (id) => sessions.delete(id),
    everyMs,
  });
  const lifetimes = new Lifetimes({ sessions, clock, logger });
  const stack = new AsyncDisposableStack();
  stack.use(runInBackground(closing, (signal) => retention.run(signal)));
  stack.use(runInBackground(closing, (signal) => lifetimes.run(signal)));
  stack.use(
    runInBackground(closing, (signal) =>
      shortenRequests(store.records, clock, signal).catch((thrown: unknown) => {
        if (!signal.aborted) logger.warn({ err: thrown }, 'requests of an older version were not shortened');
      }),
    ),
  );
  return { retention, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
