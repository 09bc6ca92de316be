import { z } from 'zod';
import { toolGroups } from '../agents/tools/tool.ts';
import { toolLabels } from '../agents/tools/words.ts';
import { createTimeoutSignal } from '../core/concurrency/cancel.ts';
import { canObserveAll, forbiddenRoleError } from '../core/model/principal.ts';
import { procedure, router } from './procedure/procedure.ts';
import { computeOverallHealth, HealthChecks, readHealthWithTimeout } from './views/health.ts';

const checkMs = 1_000;

const Health = z.object({
  status: z.enum(['healthy', 'unhealthy']),
  checks: HealthChecks,
  sessions: z.object({ total: z.int(), running: z.int(), waiting: z.int() }),
});

const Tools = z.array(
  z.object({
    name: z.string(),
    family: z.string(),
    group: z.enum([...toolGroups, 'always']),
    label: z.string(),
  }),
);

export const systemRouter = router({
  info: procedure
    .output(
      z.object({
        name: z.literal('corral'),
        version: z.string(),
        driver: z.string(),
        model: z.string(),
        draining: z.boolean(),
      }),
    )
    .query(async ({ ctx, signal }) => {
      using until = createTimeoutSignal(checkMs, ctx.clock, signal);
      const { sandbox, model } = await ctx.services.sessions.health(until.signal);
      return {
        name: 'corral' as const,
        version: ctx.version,
        driver: sandbox.driver,
        model: model.name,
        draining: ctx.unchecked.drain.state().draining,
      };
    }),

  /** Logs may also name other tools, such as those of tool servers. */
  tools: procedure
    .input(z.strictObject({}).optional())
    .output(Tools.readonly())
    .query(() => toolLabels),

  /** Like `/health/detailed`. Only operators and auditors can call it. Responds within a second. */
  health: procedure
    .input(z.strictObject({}).optional())
    .output(Health)
    .query(async ({ ctx: { principal, services, clock } }) => {
      if (!canObserveAll(principal)) throw forbiddenRoleError(principal);
      const { storage, sandbox, model, sessions } = await readHealthWithTimeout(services.sessions, clock);
      return { status: computeOverallHealth({ storage, sandbox }), checks: { storage, sandbox, model }, sessions };
    }),
});
