import { z } from 'zod';
import type { BudgetLimit } from '../../../core/model/runs/budget-limits.ts';
import type { ServiceRules } from '../rules.ts';

export const budgetHolderKinds = ['person', 'project', 'server'] as const;
/** `id`: the `owner` of sessions, or a project's id. Empty for the server and for sessions without an owner. */
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
/** Costs are in the price list's currency. Tool calls and concurrent use are counted only while limited. */
export interface SharedBudget extends BudgetHolder, Readonly<Record<BudgetLimit, LimitUsage>> {
  readonly name: string;
}

/** Model requests reserve an amount in advance. A run at a limit asks the user, and continues once there is room. */
export interface BudgetService {
  /** Holders with usage this month, own limits, or amounts held under a concurrency limit. */
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
