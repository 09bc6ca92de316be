import { z } from 'zod';
import { neverFires } from '../../core/concurrency/cancel.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { iso, ofSession } from '../procedure/schemas.ts';
import {
  Checkpoint,
  CheckpointDiff,
  checkpointRange,
  CheckpointNumber as number,
  Restored,
} from '../views/repositories.ts';

/** The files of a session as each of its runs left them. */
export const checkpointsRouter = router({
  list: procedure
    .input(ofSession)
    .output(z.array(Checkpoint))
    .query(async ({ ctx, input }) =>
      (await ctx.services.checkpoints.list(input.sessionId)).map(({ at, ...one }) => ({ ...one, at: iso(at) })),
    ),

  /** Between two; without `to`, the files as they are now. */
  diff: procedure
    .input(ofSession.extend({ from: number, to: number.optional() }))
    .output(CheckpointDiff)
    .query(({ ctx, input: { sessionId, from, to }, signal = neverFires }) =>
      ctx.services.checkpoints.diff(sessionId, checkpointRange(from, to), signal),
    ),

  /** `before` is the checkpoint of the files as they were, by which the restore can be taken back. */
  restore: procedure
    .input(ofSession.extend({ number }))
    .output(Restored)
    .mutation(({ ctx, input, signal = neverFires }) =>
      ctx.services.checkpoints.restore(input.sessionId, input.number, signal),
    ),
});
