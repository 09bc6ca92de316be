import { z } from 'zod';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done } from './procedure/schemas.ts';
import {
  Automation,
  AutomationChange,
  AutomationId,
  AutomationStart,
  CronInput,
  changeOf,
  HookSecret,
  hookPath,
  NewAutomation,
  StartsInput,
  startsQuery,
  toAutomation,
  toStart,
  toTimes,
} from './views/automations.ts';

const byId = z.strictObject({ id: AutomationId });

/** Automations start sessions: at times, and when somebody wants it. */
export const automationsRouter = router({
  list: procedure
    .output(z.array(Automation))
    .query(async ({ ctx }) => (await ctx.services.automations.list()).map(toAutomation)),
  create: procedure
    .input(NewAutomation)
    .output(Automation)
    .mutation(async ({ ctx, input }) => toAutomation(await ctx.services.automations.create(input))),
  get: procedure
    .input(byId)
    .output(Automation)
    .query(async ({ ctx, input }) => toAutomation(await ctx.services.automations.get(input.id))),
  /** Changes the given fields, for the next starts. */
  update: procedure
    .input(AutomationChange.extend(byId.shape))
    .output(Automation)
    .mutation(async ({ ctx, input: { id, ...change } }) =>
      toAutomation(await ctx.services.automations.update(id, changeOf(change))),
    ),
  /** The automation's sessions stay. */
  delete: procedure
    .input(byId)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.automations.delete(input.id);
      return done;
    }),
  /** The schedule rests; sessions that work go on. */
  pause: procedure
    .input(byId)
    .output(Automation)
    .mutation(async ({ ctx, input }) => toAutomation(await ctx.services.automations.pause(input.id))),
  resume: procedure
    .input(byId)
    .output(Automation)
    .mutation(async ({ ctx, input }) => toAutomation(await ctx.services.automations.resume(input.id))),
  /** Starts it now, also when it is paused. */
  start: procedure
    .input(byId)
    .output(AutomationStart)
    .mutation(async ({ ctx, input }) => toStart(await ctx.services.automations.start(input.id, null))),
  /** Makes a new secret for deliveries from outside, which counts at once and is shown this once. */
  rotateSecret: procedure
    .input(byId)
    .output(HookSecret)
    .mutation(async ({ ctx, input: { id } }) => ({
      ...(await ctx.services.automations.rotateSecret(id)),
      path: hookPath(id),
    })),
  /** The history, the newest first. */
  starts: procedure
    .input(StartsInput.extend(byId.shape))
    .output(z.array(AutomationStart))
    .query(async ({ ctx, input: { id, ...query } }) =>
      (await ctx.services.automations.starts(id, startsQuery(query))).map(toStart),
    ),
  /** The next five times of a schedule. */
  times: procedure
    .input(CronInput)
    .output(z.object({ times: z.array(z.iso.datetime()) }))
    .query(async ({ ctx, input }) => toTimes(await ctx.services.automations.times(input, 5))),
});
