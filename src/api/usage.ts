import { procedure, router } from './procedure/procedure.ts';
import { UsageInput, UsageReport } from './views/usage.ts';

/** The usage of the caller's sessions over days; an administrator's report has all sessions. */
export const usageRouter = router({
  report: procedure
    .input(UsageInput)
    .output(UsageReport)
    .query(async ({ ctx, input }) => await ctx.services.usage.report(input)),
});
