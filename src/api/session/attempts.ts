import { z } from 'zod';
import { neverFires } from '../../core/concurrency/cancel.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { ofSession } from '../procedure/schemas.ts';
import {
  AttemptDiffView,
  AttemptsId,
  AttemptsInput,
  AttemptsView,
  ChooseInput,
  toAttemptsCommand,
  toAttemptsView,
} from '../views/attempts.ts';

const one = ofSession.extend({ id: AttemptsId });

/** One task done several times side by side, in children of a session. */
export const attemptsRouter = router({
  /** Answers before an attempt has begun. */
  start: procedure
    .input(ofSession.extend(AttemptsInput.shape))
    .output(AttemptsView)
    .mutation(async ({ ctx, input: { sessionId, ...wish } }) =>
      toAttemptsView(await ctx.services.attempts.start(sessionId, toAttemptsCommand(wish))),
    ),

  /** The newest first. */
  list: procedure
    .input(ofSession)
    .output(z.array(AttemptsView))
    .query(async ({ ctx, input }) => (await ctx.services.attempts.list(input.sessionId)).map(toAttemptsView)),

  get: procedure
    .input(one)
    .output(AttemptsView)
    .query(async ({ ctx, input: { sessionId, id } }) => toAttemptsView(await ctx.services.attempts.get(sessionId, id))),

  /** The changes of an ended attempt in the files. */
  diff: procedure
    .input(one.extend({ n: ChooseInput.shape.n }))
    .output(AttemptDiffView)
    .query(({ ctx, input: { sessionId, id, n } }) => ctx.services.attempts.diff(sessionId, id, n)),

  /** Answers when the session has exactly the files of the attempt. The others end. */
  choose: procedure
    .input(one.extend(ChooseInput.shape))
    .output(AttemptsView)
    .mutation(async ({ ctx, input: { sessionId, id, n, others }, signal = neverFires }) =>
      toAttemptsView(await ctx.services.attempts.choose(sessionId, id, { n, others }, signal)),
    ),

  stop: procedure
    .input(one)
    .output(AttemptsView)
    .mutation(async ({ ctx, input: { sessionId, id } }) =>
      toAttemptsView(await ctx.services.attempts.stop(sessionId, id)),
    ),
});
