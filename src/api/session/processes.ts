import { z } from 'zod';
import { ProcessInfo } from '../../sessions/api/processes.ts';
import { procedure, router, sessionProcedure } from '../procedure/procedure.ts';
import { awaitOkResult, OkResult, sessionTarget } from '../procedure/schemas.ts';

const ofProcess = sessionTarget.extend({ pid: z.int() });

export const processesRouter = router({
  list: sessionProcedure
    .output(z.array(ProcessInfo).readonly())
    .query(({ ctx, input }) => ctx.services.processes.list(input.sessionId, ctx.signal)),

  stop: procedure
    .input(ofProcess)
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, pid } }) =>
      awaitOkResult(ctx.services.processes.stop(sessionId, pid, ctx.signal)),
    ),

  logs: procedure
    .input(ofProcess.extend({ lines: z.int().min(1).max(10_000).default(50) }))
    .output(
      z.object({
        pid: z.int(),
        logs: z.string(),
        /** Whether earlier lines exist. `log`: the workspace path of the whole log. Empty if there is none. */
        truncated: z.boolean(),
        log: z.string(),
      }),
    )
    .query(async ({ ctx, input: { sessionId, pid, lines } }) => {
      const { text, ...rest } = await ctx.services.processes.logs(sessionId, pid, lines, ctx.signal);
      return { pid, logs: text, ...rest };
    }),
});
