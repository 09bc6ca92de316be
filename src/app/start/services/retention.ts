import type { SessionService } from '../../../sessions/api/sessions.ts';
import { LifetimeEnforcer } from '../../../sessions/retention/lifetimes.ts';
import { RetentionEnforcer } from '../../../sessions/retention/retention.ts';
import { upgradeStoredRequests } from '../../../sessions/run/log/stored-request.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';

interface RetentionDeps {
  readonly sessions: SessionService;
  readonly collect: (before: number, signal: AbortSignal) => Promise<number>;
}
const everyMs = 60_000;

export function openRetention(
  server: ServerWithEngine,
  { sessions, collect }: RetentionDeps,
): AsyncDisposable & { readonly retention: RetentionEnforcer } {
  const { clock, closing, live, records, replica, warn } = server;
  const retention = new RetentionEnforcer({
    ...server,
    policyOf: () => live.now.retention,
    collect,
    ownership: replica.ownership,
    mayDeleteOld: replica.mayDeleteOld,
    name: replica.name ?? 'alone',
    remove: (id) => sessions.delete(id),
    everyMs,
  });
  const lifetimes = new LifetimeEnforcer({ ...server, sessions });
  const stack = new AsyncDisposableStack();
  stack.use(runInBackground(closing, (signal) => retention.run(signal)));
  stack.use(runInBackground(closing, (signal) => lifetimes.run(signal)));
  stack.use(
    runInBackground(closing, (signal) =>
      upgradeStoredRequests(records, clock, signal).catch((thrown: unknown) => {
        if (!signal.aborted) warn({ err: thrown }, 'requests of an older version were not shortened');
      }),
    ),
  );
  return { retention, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}
