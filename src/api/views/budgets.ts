import { z } from 'zod';
import { budgetHolders } from '../../sessions/api/server/budgets.ts';

// The budgets of people and projects, as clients see and change them. Times are in UTC.

export const BudgetHolder = z.strictObject({
  of: z.enum(budgetHolders),
  /** The owner of sessions (empty: sessions without one), or the project. */
  id: z.string().max(100),
});
/** `unlimited`: no limit, also where the settings have one. Null: as the settings say. */
const ownTokens = z.union([z.int().nonnegative().max(1e15), z.literal('unlimited')]).nullable();
const ownCalls = z.union([z.int().nonnegative().max(1e12), z.literal('unlimited')]).nullable();
const ownCost = z.union([z.number().nonnegative().max(1e9), z.literal('unlimited')]).nullable();
export const BudgetChange = BudgetHolder.extend({
  tokensPerDay: ownTokens.optional(),
  costPerDay: ownCost.optional(),
  toolCallsPerDay: ownCalls.optional(),
  tokensPerMonth: ownTokens.optional(),
  costPerMonth: ownCost.optional(),
  toolCallsPerMonth: ownCalls.optional(),
});
const part = z.object({
  /** The limit that counts; null: none. */
  limit: z.number().nullable(),
  own: z.union([z.number(), z.literal('unlimited')]).nullable(),
  used: z.number(),
  /** The part that requests under way have reserved. */
  reserved: z.number(),
});
export const SharedBudget = z.object({
  of: z.enum(budgetHolders),
  id: z.string(),
  name: z.string(),
  tokensPerDay: part,
  costPerDay: part,
  toolCallsPerDay: part,
  tokensPerMonth: part,
  costPerMonth: part,
  toolCallsPerMonth: part,
});
