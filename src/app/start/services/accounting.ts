import { createCalendar } from '../../../core/contracts/calendar.ts';
import type { EventLog, Store } from '../../../core/contracts/ports.ts';
import type { BudgetService } from '../../../sessions/api/server/budgets.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import type { UsageService } from '../../../sessions/api/usage.ts';
import type { Accounts } from '../../../sessions/budgets/accounts.ts';
import { budgetService } from '../../../sessions/budgets/budgets.ts';
import type { Holdings } from '../../../sessions/budgets/holdings.ts';
import type { Ledger } from '../../../sessions/budgets/ledger.ts';
import { WaitingRuns } from '../../../sessions/budgets/waiting-runs.ts';
import { usageService } from '../../../sessions/services/sessions/usage.ts';
import { limitsIn } from '../../parts/policies.ts';
import type { Replica } from '../../parts/replica.ts';
import type { LiveConfig } from '../../settings/live-config.ts';
import { runInBackground, type Startup } from '../startup.ts';

interface AccountingDeps {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly accounts: Accounts;
  readonly holdings: Holdings;
  readonly log: Pick<EventLog, 'onAppend'>;
  readonly sessions: SessionService;
  readonly live: Pick<LiveConfig, 'now'>;
  readonly replica: Pick<Replica, 'mayStartAutomations'>;
  /** The names of people and projects, by id. */
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projects: () => Promise<ReadonlyMap<string, string>>;
  /** Rejects for a deleted project. */
  readonly project: (id: string) => Promise<{ readonly name: string }>;
}

/** Usage, the budgets of people and projects, and the runs that wait for a budget. */
export function openAccounting(
  { clock, logger, closing }: Startup,
  { store, ledger, accounts, holdings, log, sessions, live, replica, people, projects, project }: AccountingDeps,
): AsyncDisposable & { readonly usage: UsageService; readonly budgets: BudgetService } {
  const waiting = new WaitingRuns({
    ledger,
    holdings,
    sessions,
    events: store.events,
    leads: replica.mayStartAutomations,
    clock,
    warn: (about, text) => logger.warn(about, text),
  });
  log.onAppend(({ facts }) => waiting.onFacts(facts));
  const working = runInBackground(closing, (signal) => waiting.run(signal));
  const projectName = (id: string) =>
    project(id).then(
      ({ name }) => name,
      () => id,
    );
  return {
    usage: usageService({ store, people, projectName }),
    budgets: budgetService({
      ledger,
      store,
      accounts,
      holdings,
      limitsOf: limitsIn(live),
      people,
      projects,
      calendar: createCalendar(live.now.budgetTimeZone),
      now: () => clock.now(),
      wake: waiting.wake,
    }),
    [Symbol.asyncDispose]: () => working[Symbol.asyncDispose](),
  };
}
