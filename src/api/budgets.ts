import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import { BudgetChange, BudgetHolder, SharedBudget } from './views/budgets.ts';

/** The limits of people and projects for a day and a month. People see their own; administrators see and change all. */
export const budgetsRouter = router({
  list: procedure.output(z.array(SharedBudget)).query(async ({ ctx }) => [...(await ctx.services.budgets.list())]),
  get: procedure
    .input(BudgetHolder)
    .output(SharedBudget)
    .query(async ({ ctx, input }) => await ctx.services.budgets.get(input)),
  /** A limit that is left out stays. Runs that wait for room go on. */
  change: procedure
    .input(BudgetChange)
    .output(SharedBudget)
    .mutation(async ({ ctx, input: { of, id, ...limits } }) => await ctx.services.budgets.change({ of, id }, limits)),
});
