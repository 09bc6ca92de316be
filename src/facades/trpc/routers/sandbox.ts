import { z } from 'zod';
import { neverFires } from '../../../core/concurrency/cancel.ts';
import { procedure, router } from '../base.ts';
import { CommandInput, ofSession, PathInput } from '../schemas.ts';

const Sandbox = z.object({
  state: z.enum(['created', 'running', 'stopped', 'not_found']),
  id: z.string(),
  workdir: z.string(),
  driver: z.string(),
});

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
