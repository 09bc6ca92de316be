import { z } from 'zod';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { BudgetSpec } from '../../../../core/model/spending.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError } from '../errors.ts';
import type { UsageTotals } from './usage.ts';

// The API's budget is in whole cents. A user's answer cannot renew it.

export const BudgetInput = z
  .strictObject({
    type: z.literal('limit'),
    max_list_cost: z.strictObject({
      amount: z.string().regex(/^[1-9]\d{0,11}$/, 'must be whole cents, as a string'),
      currency: z.literal('USD'),
    }),
  })
  .nullable()
  .optional();
type BudgetRequest = NonNullable<z.output<typeof BudgetInput>>;

export const toHardBudget = ({ max_list_cost: { amount } }: BudgetRequest): BudgetSpec & { readonly cost: number } => ({
  cost: Number(amount) / 100,
  hard: true,
});
/** Null if there is no budget, or if a user's answer can renew it. */
export function toBudgetView({ budget }: Pick<SessionRecord, 'budget'>) {
  if (!budget?.hard || budget.cost === undefined) return null;
  const amount = String(Math.round(budget.cost * 100));
  return { type: 'limit' as const, max_list_cost: { amount, currency: 'USD' as const } };
}

/** Rejects: invalid_request (a model without a known price cannot count toward the budget). */
export async function assertModelsPriced(refs: readonly string[], models: Services['models']): Promise<void> {
  for (const ref of refs)
    if (!(await models.isPriced(ref)))
      throw invalidRequestError(
        `budget: the price of ${ref} is not known, so a budget cannot count it. Set it in models.catalog.`,
        'model_not_budgetable',
      );
}

export type BudgetView = NonNullable<ReturnType<typeof toBudgetView>>;

/** Throws: invalid_request. */
export function applyBudgetChange(
  requested: BudgetRequest | null,
  record: SessionRecord,
  { cost }: UsageTotals,
): BudgetSpec {
  if (toBudgetView(record) === null && requested !== null)
    throw invalidRequestError(
      'budget: the session was made without one, or lost it, and cannot get one.',
      'budget_create_only',
    );
  if (requested === null) return record.budget?.hard ? {} : (record.budget ?? {});
  const next = toHardBudget(requested);
  if (next.cost <= cost) {
    const used = Math.ceil(cost * 10_000) / 100;
    throw invalidRequestError(
      `budget: the session has used ${used} cents; the new limit must be more.`,
      'budget_not_raised',
    );
  }
  return next;
}
