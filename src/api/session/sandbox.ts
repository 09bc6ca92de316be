import { z } from 'zod';
import { neverFires } from '../../core/concurrency/cancel.ts';
import { toAppError } from '../../core/errors/errors.ts';
import { ServiceStatus } from '../../core/model/services/recipe.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { CommandInput, ofSession, PathInput } from '../procedure/schemas.ts';
import { PauseInput, SandboxStatus as Sandbox } from '../views/sandboxes.ts';
import { ForkCount, ForkedBox } from '../views/snapshots.ts';

const Usage = z.object({
  cpuSeconds: z.number(),
  memoryBytes: z.number(),
  memoryLimitBytes: z.number().nullable(),
  processes: z.number(),
});

const Executed = z.object({
  exitCode: z.int(),
  stdout: z.string(),
  stderr: z.string(),
  timedOut: z.boolean(),
  /** Whether an output was cut after 1 MiB; `wholeIn` then names the file in the workspace with all of it. */
  truncated: z.boolean(),
  wholeIn: z.object({ stdout: z.string().optional(), stderr: z.string().optional() }),
});

export const sandboxRouter = router({
  status: procedure
    .input(ofSession)
    .output(Sandbox)
    .query(({ ctx, input }) => ctx.services.sandboxes.status(input.sessionId)),

  /** Null when the sandbox does not run. Does not start it or delay its idle stop. */
  usage: procedure
    .input(ofSession)
    .output(Usage.nullable())
    .query(async ({ ctx, input, signal = neverFires }) => {
      return (await ctx.services.sandboxes.usage(input.sessionId, signal)) ?? null;
    }),

  /** The services beside it. Starts nothing; `absent`: none runs. */
  services: procedure
    .input(ofSession)
    .output(z.array(ServiceStatus).readonly())
    .query(({ ctx, input, signal = neverFires }) => ctx.services.sandboxes.services(input.sessionId, signal)),

  start: procedure
    .input(ofSession)
    .output(Sandbox)
    .mutation(async ({ ctx, input: { sessionId }, signal = neverFires }) => {
      await ctx.services.sandboxes.start(sessionId, signal);
      return await ctx.services.sandboxes.status(sessionId);
    }),

  stop: procedure
    .input(ofSession)
    .output(Sandbox)
    .mutation(async ({ ctx, input: { sessionId } }) => {
      await ctx.services.sandboxes.stop(sessionId);
      return await ctx.services.sandboxes.status(sessionId);
    }),

  /** Pauses it until its next use; resolves when it is paused. `pause` of its status says what it can keep. */
  pause: procedure
    .input(ofSession.extend(PauseInput.shape))
    .output(Sandbox)
    .mutation(async ({ ctx, input: { sessionId, keeps }, signal = neverFires }) =>
      ctx.services.sandboxes.pause(sessionId, { keeps, signal }),
    ),

  /** Resumes a paused sandbox, or starts one that does not run. */
  resume: procedure
    .input(ofSession)
    .output(Sandbox)
    .mutation(async ({ ctx, input: { sessionId }, signal = neverFires }) => {
      await ctx.services.sandboxes.start(sessionId, signal);
      return await ctx.services.sandboxes.status(sessionId);
    }),

  /** Makes boxes that begin with the files of this one as they are now, all with the same files, and without its processes. */
  fork: procedure
    .input(ofSession.extend({ count: ForkCount.default(1) }))
    .output(z.array(ForkedBox))
    .mutation(async ({ ctx, input: { sessionId, count }, signal = neverFires }) => {
      const made = await ctx.services.snapshots.fork(sessionId, { count, origin: 'trpc', signal });
      return made.map((one) => {
        if ('session' in one) return { sessionId: one.session.id };
        const { code, publicMessage } = toAppError(one.error);
        return { error: { code, message: publicMessage } };
      });
    }),

  reset: procedure
    .input(ofSession)
    .output(Sandbox)
    .mutation(async ({ ctx, input: { sessionId }, signal = neverFires }) => {
      await ctx.services.sandboxes.reset(sessionId, signal);
      return await ctx.services.sandboxes.status(sessionId);
    }),

  /** Ends the sandbox's E2B tokens at once, and the streams that were opened with them. `connect` of the SDKs gives new ones. */
  rotateTokens: procedure
    .input(ofSession)
    .output(Sandbox)
    .mutation(async ({ ctx, input: { sessionId } }) => {
      await ctx.services.sandboxes.rotateTokens(sessionId);
      return await ctx.services.sandboxes.status(sessionId);
    }),

  exec: procedure
    .input(
      ofSession.extend({
        command: CommandInput,
        cwd: PathInput.optional(),
        timeoutMs: z.int().min(1).max(600_000).optional(),
      }),
    )
    .output(Executed)
    .mutation(async ({ ctx, input: { sessionId, command, cwd, timeoutMs }, signal = neverFires }) => {
      const wish = { command, ...(cwd !== undefined && { cwd }), ...(timeoutMs !== undefined && { timeoutMs }) };
      const { wholeIn, ...ended } = await ctx.services.sandboxes.exec(sessionId, wish, signal);
      return { ...ended, truncated: wholeIn !== undefined, wholeIn: wholeIn ?? {} };
    }),
});
