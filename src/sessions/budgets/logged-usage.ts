import type { Store, UsageSum } from '../../core/contracts/ports.ts';
import { withMicroCost } from '../../core/model/runs/budget.ts';
import { addAmounts } from '../../core/model/spending.ts';
import type { BudgetHolder } from '../api/server/budgets.ts';
import {
  type BudgetPeriod,
  budgetAccountIdOf,
  budgetHoldersOf,
  budgetPeriods,
  type LoggedUsage,
  sumAmounts,
} from './account.ts';

const nothing: LoggedUsage = { day: sumAmounts([]), month: sumAmounts([]) };

/** Logs of deleted sessions are gone, so their usage is not included. */
export async function readLoggedUsage(
  { events }: Pick<Store, 'events'>,
  starts: Readonly<Record<BudgetPeriod, number>>,
): Promise<(holder: BudgetHolder) => LoggedUsage> {
  const read = async (from: number, to: number) => await events.usage(from, to, ['owner', 'project']);
  const [earlier, today] = await Promise.all([
    read(starts.month, starts.day),
    read(starts.day, Number.MAX_SAFE_INTEGER),
  ]);
  const sumsOf = new Map<string, LoggedUsage>();
  const add = (periods: readonly BudgetPeriod[], sums: readonly UsageSum[]) => {
    for (const { owner, project, inputTokens, outputTokens, cost } of sums) {
      const used = withMicroCost({ tokens: inputTokens + outputTokens, cost });
      for (const name of budgetHoldersOf({ owner, projectId: project || null }).map(budgetAccountIdOf)) {
        const sum = { ...(sumsOf.get(name) ?? nothing) };
        for (const period of periods) sum[period] = addAmounts(sum[period], used);
        sumsOf.set(name, sum);
      }
    }
  };
  add(['month'], earlier);
  add(budgetPeriods, today);
  return (holder) => sumsOf.get(budgetAccountIdOf(holder)) ?? nothing;
}
