import { z } from 'zod';
import type { BudgetLimit } from '../../../core/model/runs/budget-limits.ts';
import type { ServiceRules } from '../rules.ts';

export const budgetHolders = ['person', 'project'] as const;
/** The person or project that has a budget. A person is the owner of sessions; the empty id stands for sessions without an owner. */
export interface BudgetHolder {
  readonly of: (typeof budgetHolders)[number];
  readonly id: string;
}
/** A number, or `unlimited`: no limit, also where the settings have one. Null: as the settings say. */
export type OwnLimit = number | 'unlimited' | null;
export type BudgetChange = { readonly [Limit in BudgetLimit]?: OwnLimit | undefined };
export const BudgetPart = z.object({
  /** The limit that counts; null: none. */
  limit: z.number().nullable(),
  /** The holder's own limit; null: the settings apply. */
  own: z.union([z.number(), z.literal('unlimited')]).nullable(),
  used: z.number(),
  /** The part that requests under way have reserved. */
  reserved: z.number(),
});
export type BudgetPart = z.infer<typeof BudgetPart>;
/**
 * The limits of a person or a project for a day and a month, and the amounts that it has used. Costs are in the currency of
 * the price list; tool calls are counted while a limit of them counts.
 */
export interface SharedBudget extends BudgetHolder, Readonly<Record<BudgetLimit, BudgetPart>> {
  /** The name that people see; empty: none. */
  readonly name: string;
}

/**
 * The budgets of people and projects. Requests to models reserve from them before they are sent, and tool calls are paid from
 * them before they are made. A run that reaches one waits
 * with a question, and continues by itself when there is room again: in the next day or month, or when somebody raises it.
 */
export interface BudgetService {
  /** People and projects that have used something in this month or have a limit. */
  list(): Promise<readonly SharedBudget[]>;
  get(holder: BudgetHolder): Promise<SharedBudget>;
  /** Gives one its own limits. A limit that is left out stays. Runs that wait for room continue. */
  change(holder: BudgetHolder, change: BudgetChange): Promise<SharedBudget>;
}

export const budgetRules: ServiceRules<BudgetService> = {
  list: { may: 'guarded', audit: null },
  get: { may: 'guarded', audit: null },
  change: { may: 'admin', audit: 'budget.change' },
};
