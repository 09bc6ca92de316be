import { createCalendar } from '../../../core/contracts/calendar.ts';
import type { SessionService } from '../../../sessions/api/sessions.ts';
import { createBudgetService } from '../../../sessions/budgets/budgets.ts';
import { WaitingRunResumer } from '../../../sessions/budgets/waiting-runs.ts';
import { createUsageService } from '../../../sessions/services/sessions/usage.ts';
import { createBudgetLimitsReader } from '../../parts/policies.ts';
import type { ServerWithEngine } from '../engine.ts';
import { runInBackground } from '../startup.ts';

interface AccountingDeps {
  readonly sessions: SessionService;
  readonly people: () => Promise<ReadonlyMap<string, string>>;
  readonly projects: () => Promise<ReadonlyMap<string, string>>;
  /** Rejects for a deleted project. */
  readonly project: (id: string) => Promise<{ readonly name: string }>;
}

export function openAccounting(server: ServerWithEngine, { sessions, people, projects, project }: AccountingDeps) {
  const { store, live, log, clock, closing } = server;
  const waiting = new WaitingRunResumer({ ...server, sessions, leads: server.replica.mayStartAutomations });
  log.onAppend(({ facts }) => waiting.onFacts(facts));
  const projectName = (id: string) =>
    project(id).then(
      ({ name }) => name,
      () => id,
    );
  return {
    usage: createUsageService({ store, people, projectName }),
    budgets: createBudgetService({
      ...server,
      limitsOf: createBudgetLimitsReader(live),
      people,
      projects,
      calendar: createCalendar(live.now.budgetTimeZone),
      now: () => clock.now(),
      wake: waiting.wake,
    }),
    ...runInBackground(closing, (signal) => waiting.run(signal)),
  };
}
