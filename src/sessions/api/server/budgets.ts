import { z } from 'zod';
import type { BudgetLimit } from '../../../core/model/runs/budget-limits.ts';
import type { ServiceRules } from '../rules.ts';

export const budgetHolderKinds = ['person', 'project', 'server'] as const;
/** A person's id is the `owner` of that person's sessions. The id is empty for the server and for sessions without an owner. */
export interface BudgetHolder {
  readonly of: (typeof budgetHolderKinds)[number];
  readonly id: string;
}
/** Overrides the limit in the settings. Null: no override. */
export type LimitOverride = number | 'unlimited' | null;
export type BudgetChange = { readonly [Limit in BudgetLimit]?: LimitOverride | undefined };
export const LimitUsage = z.object({
  limit: z.number().nullable(),
  own: z.union([z.number(), z.literal('unlimited')]).nullable(),
  used: z.number(),
  reserved: z.number(),
});
export type LimitUsage = z.infer<typeof LimitUsage>;
/** Costs are in the price list's currency. Tool calls and concurrent use are counted only while they are limited. */
export interface SharedBudget extends BudgetHolder, Readonly<Record<BudgetLimit, LimitUsage>> {
  readonly name: string;
}

/**
 * Budgets of people, projects and the server. Model requests reserve an amount before they are sent; tool calls are counted
 * before they start. A run at a limit pauses and asks the user. It continues when there is room again, such as the next day
 * or after a limit is raised.
 */
export interface BudgetService {
  /** Lists each holder that has usage this month, limits of its own, or amounts reserved under a concurrency limit. */
  list(): Promise<readonly SharedBudget[]>;
  get(holder: BudgetHolder): Promise<SharedBudget>;
  /** Omitted limits are unchanged. Waiting runs continue if there is room. */
  change(holder: BudgetHolder, change: BudgetChange): Promise<SharedBudget>;
}

export const budgetRules: ServiceRules<BudgetService> = {
  list: { may: 'guarded', audit: null },
  get: { may: 'guarded', audit: null },
  change: { may: 'admin', audit: 'budget.change' },
};
