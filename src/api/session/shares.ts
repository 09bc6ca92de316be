import { z } from 'zod';
import { ShareView } from '../../sessions/api/shares.ts';
import { procedure, router, sessionProcedure } from '../procedure/procedure.ts';
import { awaitOkResult, IsoTime, OkResult, sessionTarget } from '../procedure/schemas.ts';

const Share = ShareView.extend({ createdAt: IsoTime, expiresAt: IsoTime });

export const sharesRouter = router({
  /** Only this response contains `path`, which is relative to the server's address. */
  create: procedure
    .input(sessionTarget.extend({ hours: z.int().min(1).max(8_760).default(168), files: z.boolean().default(false) }))
    .output(Share.extend({ token: z.string(), path: z.string() }))
    .mutation(async ({ ctx, input: { sessionId, hours, files } }) => {
      const { token, view } = await ctx.services.shares.create(sessionId, { lifeMs: hours * 3_600_000, files });
      return { ...view, token, path: `/shared#${token}` };
    }),
  list: sessionProcedure
    .output(z.array(Share).readonly())
    .query(async ({ ctx, input }) => await ctx.services.shares.list(input.sessionId)),
  revoke: procedure
    .input(sessionTarget.extend({ id: z.string().max(100) }))
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, id } }) => awaitOkResult(ctx.services.shares.revoke(sessionId, id))),
});
