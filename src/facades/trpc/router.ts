import { z } from 'zod';
import { deadline } from '../../core/cancel.ts';
import { procedure, router } from './base.ts';
import { desktopRouter } from './desktop.ts';
import { eventsRouter } from './events.ts';
import { filesRouter } from './files.ts';
import { keysRouter } from './keys.ts';
import { processesRouter } from './processes.ts';
import { projectsRouter } from './projects.ts';
import { runsRouter } from './runs.ts';
import { sandboxRouter } from './sandbox.ts';
import { sessionsRouter } from './sessions.ts';

const checkMs = 1_000;

const systemRouter = router({
  info: procedure
    .output(z.object({ name: z.literal('corral'), version: z.string(), driver: z.string(), model: z.string() }))
    .query(async ({ ctx, signal }) => {
      using until = deadline(checkMs, ctx.clock, signal);
      const { sandbox, model } = await ctx.services.sessions.health(until.signal);
      return { name: 'corral' as const, version: ctx.version, driver: sandbox.driver, model: model.name };
    }),
});

export const appRouter = router({
  sessions: sessionsRouter,
  events: eventsRouter,
  runs: runsRouter,
  sandbox: sandboxRouter,
  desktop: desktopRouter,
  files: filesRouter,
  processes: processesRouter,
  projects: projectsRouter,
  keys: keysRouter,
  system: systemRouter,
});
export type AppRouter = typeof appRouter;
