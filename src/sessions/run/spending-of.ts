import type { RunSpending } from '../../../machines/run.ts';
import type { FinishedTurn } from '../../agents/models/model.ts';
import type { AssumedUsage } from '../../core/model/spending.ts';

/** The turn, tokens and cost that one finished turn takes from a run's budgets. A model without a known price costs nothing. */
export const spendingOf = (
  { usage: { inputTokens, outputTokens, cost = 0 } }: FinishedTurn,
  assumed: AssumedUsage = { tokens: 0, cost: 0 },
): RunSpending => ({
  turns: 1,
  tokens: inputTokens + outputTokens + assumed.tokens,
  cost: cost + assumed.cost,
});
