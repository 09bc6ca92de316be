import { z } from 'zod';
import { neverFires } from '../../../../core/concurrency/cancel.ts';
import { procedure, router } from '../../base.ts';
import { iso, ofSession } from '../../schemas.ts';

const number = z.int().min(0).max(99_999_999);
const Change = z.object({
  path: z.string(),
  change: z.enum(['added', 'modified', 'deleted', 'renamed']),
  from: z.string().nullable(),
});

/** The files of a session as each of its runs left them. */
export const checkpointsRouter = router({
  list: procedure
    .input(ofSession)
    .output(z.array(z.object({ number: z.int(), runId: z.string().nullable(), at: z.iso.datetime(), files: z.int() })))
    .query(async ({ ctx, input }) =>
      (await ctx.services.checkpoints.list(input.sessionId)).map(({ at, ...one }) => ({ ...one, at: iso(at) })),
    ),

  /** Between two; without `to`, the files as they are now. */
  diff: procedure
    .input(ofSession.extend({ from: number, to: number.optional() }))
    .output(z.object({ text: z.string(), truncated: z.boolean(), files: z.array(Change).readonly() }))
    .query(({ ctx, input: { sessionId, from, to }, signal = neverFires }) =>
      ctx.services.checkpoints.diff(sessionId, { from, ...(to !== undefined && { to }) }, signal),
    ),

  /** `before` is the checkpoint of the files as they were, by which the restore can be taken back. */
  restore: procedure
    .input(ofSession.extend({ number }))
    .output(z.object({ before: z.int() }))
    .mutation(({ ctx, input, signal = neverFires }) =>
      ctx.services.checkpoints.restore(input.sessionId, input.number, signal),
    ),
});
