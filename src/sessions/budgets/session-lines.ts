import type { RunId } from '../../core/model/ids.ts';
import { type BudgetLine, leastBudget, mergeLines, toAmounts, toLines } from '../../core/model/runs/budget.ts';
import { noSpending, type OwnBudget, type Spending, toCountedSpending } from '../../core/model/spending.ts';
import { computeSpendingAt, type StoredSession } from '../run/log/projection.ts';
import { mapAmounts, type SpentAmounts } from './children.ts';

interface SessionUse {
  readonly run: RunId;
  readonly now: number;
  /** The limits of every session, which a hard budget of its own does not replace. */
  readonly limits: OwnBudget;
  /** The part that its children hold. */
  readonly lent: SpentAmounts;
  /** All that it has used, also what its record does not have yet. */
  readonly used: SpentAmounts;
}

/** The lines of a session over all of its runs. An answer grants all of them again, but for those of a hard budget. */
export function sessionLines(record: StoredSession, use: SessionUse): readonly BudgetLine[] {
  const { budget: own, granted } = record;
  if (!own?.hard) return linesSince(record, granted, { ...use, limits: leastBudget(use.limits, own) });
  return mergeLines(...linesSince(record, granted, use), ...linesSince(record, null, { ...use, limits: own }));
}

function linesSince(
  record: StoredSession,
  granted: Spending | null,
  { run, now, limits, lent, used }: SessionUse,
): readonly BudgetLine[] {
  const { total } = computeSpendingAt(record, run, now);
  const before = granted ?? noSpending;
  const counted = toCountedSpending(before);
  const since = (kind: keyof SpentAmounts) => used[kind] - counted[kind] + lent[kind];
  // A grant covers one request, and one tool call, at least: children can have the rest of it.
  const isFresh = toCountedSpending(total).toolCalls === counted.toolCalls;
  const calls = isFresh ? Math.min(since('toolCalls'), (limits.toolCalls ?? 0) - 1) : since('toolCalls');
  const amounts = { ...mapAmounts(since), toolCalls: calls };
  const lines = toLines('session', limits, { ...toAmounts(amounts), time: total.ms - before.ms });
  return granted?.turns === used.turns ? lines.filter(({ kind }) => kind === 'toolCalls') : lines;
}
