import type { RunId } from '../../core/model/ids.ts';
import {
  type BudgetLine,
  minBudget,
  sortBudgetLines,
  toBudgetLines,
  withMicroCost,
} from '../../core/model/runs/budget.ts';
import { type BudgetSpec, noSpending, type Spending, toBudgetAmounts } from '../../core/model/spending.ts';
import { computeSpendingAt, type StoredSession } from '../run/log/projection.ts';
import { buildUsageAmounts, type UsageAmounts } from './children.ts';

interface SessionUse {
  readonly run: RunId;
  readonly now: number;
  /** Limits that apply even to a session with its own hard budget. */
  readonly limits: BudgetSpec;
  readonly lent: UsageAmounts;
  /** Includes usage that is not yet in the record. */
  readonly used: UsageAmounts;
}

/** After a grant to continue, usage counts from zero toward all limits except a hard budget. */
export function toSessionBudgetLines(record: StoredSession, use: SessionUse): readonly BudgetLine[] {
  const { budget: own, granted } = record;
  if (!own?.hard) return linesSince(record, granted, { ...use, limits: minBudget(use.limits, own) });
  return sortBudgetLines(...linesSince(record, granted, use), ...linesSince(record, null, { ...use, limits: own }));
}

function linesSince(
  record: StoredSession,
  granted: Spending | null,
  { run, now, limits, lent, used }: SessionUse,
): readonly BudgetLine[] {
  const { total } = computeSpendingAt(record, run, now);
  const before = granted ?? noSpending;
  const counted = toBudgetAmounts(before);
  const since = (kind: keyof UsageAmounts) => used[kind] - counted[kind] + lent[kind];
  // A new grant covers at least one tool call, even if children hold the rest.
  const isFresh = toBudgetAmounts(total).toolCalls === counted.toolCalls;
  const calls = isFresh ? Math.min(since('toolCalls'), (limits.toolCalls ?? 0) - 1) : since('toolCalls');
  const amounts = { ...buildUsageAmounts(since), toolCalls: calls };
  const lines = toBudgetLines('session', limits, { ...withMicroCost(amounts), time: total.ms - before.ms });
  return granted?.turns === used.turns ? lines.filter(({ kind }) => kind === 'toolCalls') : lines;
}
