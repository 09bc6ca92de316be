import { z } from 'zod';
import type { BudgetLimit } from '../../../core/model/runs/budget-limits.ts';
import type { ServiceRules } from '../rules.ts';

export const budgetHolders = ['person', 'project', 'server'] as const;
/** A holder of limits. A person is the owner of sessions; the empty id stands for sessions without an owner, and is the server's. */
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
 * The limits of a person, a project or the server: for a day and a month with the amounts that it has used, and of what it has
 * at one time. Costs are in the currency of the price list; tool calls, and amounts at one time, are counted while they have a
 * limit.
 */
export interface SharedBudget extends BudgetHolder, Readonly<Record<BudgetLimit, BudgetPart>> {
  /** The name that people see; empty: none. */
  readonly name: string;
}

/**
 * The budgets and limits of people, projects and the server. Requests to models reserve from them before they are sent, and
 * tool calls are paid from them before they are made. A run that reaches one waits with a question, and continues by itself when there is room again: in the next day or month, or when somebody raises it.
 */
export interface BudgetService {
  /** Holders that have used something in this month, or have limits of their own. */
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
