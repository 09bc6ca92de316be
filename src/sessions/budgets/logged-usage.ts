import type { Store } from '../../core/contracts/ports.ts';
import { withMicroCost } from '../../core/model/runs/budget.ts';
import { addAmounts } from '../../core/model/spending.ts';
import type { BudgetHolder } from '../api/server/budgets.ts';
import { accountIdOf, type BudgetPeriod, budgetPeriods, holdersOf, type LoggedUsage, sumAmounts } from './account.ts';

const nothing: LoggedUsage = { day: sumAmounts([]), month: sumAmounts([]) };

/** Logs of deleted sessions are gone, so their usage is not included. */
export async function readLoggedUsage(
  { events }: Pick<Store, 'events'>,
  starts: Readonly<Record<BudgetPeriod, number>>,
): Promise<(holder: BudgetHolder) => LoggedUsage> {
  const read = async (period: BudgetPeriod) =>
    (await events.usage(starts[period], Number.MAX_SAFE_INTEGER, ['owner', 'project'])).map((sum) => ({
      period,
      ...sum,
    }));
  const sums = (await Promise.all(budgetPeriods.map(read))).flat();
  const sumsOf = new Map<string, LoggedUsage>();
  for (const { period, owner, project, inputTokens, outputTokens, cost } of sums) {
    const used = withMicroCost({ tokens: inputTokens + outputTokens, cost });
    for (const name of holdersOf({ owner, projectId: project || null }).map(accountIdOf)) {
      const before = sumsOf.get(name) ?? nothing;
      sumsOf.set(name, { ...before, [period]: addAmounts(before[period], used) });
    }
  }
  return (holder) => sumsOf.get(accountIdOf(holder)) ?? nothing;
}
