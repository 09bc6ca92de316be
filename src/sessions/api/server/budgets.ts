import { z } from 'zod';
import type { BudgetLimit } from '../../../core/model/runs/budget-limits.ts';
import type { ServiceRules } from '../rules.ts';

export const budgetHolderKinds = ['person', 'project', 'server'] as const;
/**
 * The person, project or server that limits apply to. A person's id is the `owner` of that person's sessions. The id is empty for
 * sessions without an owner, and for the server.
 */
export interface BudgetHolder {
  readonly of: (typeof budgetHolderKinds)[number];
  readonly id: string;
}
/** A number or `unlimited` overrides the limit in the settings. Null: that limit applies. */
export type LimitOverride = number | 'unlimited' | null;
export type BudgetChange = { readonly [Limit in BudgetLimit]?: LimitOverride | undefined };
export const LimitUsage = z.object({
  /** The effective limit; null: none. */
  limit: z.number().nullable(),
  own: z.union([z.number(), z.literal('unlimited')]).nullable(),
  used: z.number(),
  reserved: z.number(),
});
export type LimitUsage = z.infer<typeof LimitUsage>;
/**
 * The limits and usage of a person, a project or the server: per day, per month, and for concurrent use. Costs are in the price
 * list's currency. Tool calls and concurrent use are counted only while they are limited.
 */
export interface SharedBudget extends BudgetHolder, Readonly<Record<BudgetLimit, LimitUsage>> {
  readonly name: string;
}

/**
 * Budgets and limits of people, projects and the server. Model requests reserve an amount before they are sent; tool calls are
 * counted before they start. A run that reaches a limit pauses and asks the user a question. The run continues automatically
 * once there is room, for example when the next day begins, or after a person raises the limit.
 */
export interface BudgetService {
  /** Holders with usage this month, limits of their own, or amounts held under a concurrency limit. */
  list(): Promise<readonly SharedBudget[]>;
  get(holder: BudgetHolder): Promise<SharedBudget>;
  /** Omitted limits are unchanged. Runs that waited for this budget continue if there is room. */
  change(holder: BudgetHolder, change: BudgetChange): Promise<SharedBudget>;
}

export const budgetRules: ServiceRules<BudgetService> = {
  list: { may: 'guarded', audit: null },
  get: { may: 'guarded', audit: null },
  change: { may: 'admin', audit: 'budget.change' },
};
