import { z } from 'zod';
import { neverSignal } from '../../core/concurrency/cancel.ts';
import type { PreviewView } from '../../sessions/api/ports.ts';
import type { TrpcContext } from '../procedure/context.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { IsoTime, OkResult, sessionTarget, toOkResult } from '../procedure/schemas.ts';

const Previewed = z.union([z.int().min(1).max(65_535), z.literal('files')]);
/** With `files`: only the files in this folder and below. */
const Folder = z.string().max(4_096).optional();
const Preview = z.object({
  id: z.string(),
  of: Previewed,
  folder: Folder,
  /** The address for browsers. A path of this server if no host name of the sandbox is known to resolve. */
  url: z.string(),
  /** The address for programs: a path of this server. Pages under it are sandboxed. */
  path: z.string(),
  createdAt: IsoTime,
  expiresAt: IsoTime,
});
const toPreview = async (
  { previews, reached }: TrpcContext,
  id: z.output<typeof sessionTarget>['sessionId'],
  view: PreviewView,
) => ({
  ...view,
  ...(await previews.createAddress(id, view, reached)),
});

export const portsRouter = router({
  /** Does not start a sandbox. */
  list: procedure
    .input(sessionTarget)
    .output(z.array(z.object({ port: z.int(), pid: z.int().optional(), command: z.string().optional() })).readonly())
    .query(({ ctx, input, signal = neverSignal }) => ctx.services.ports.list(input.sessionId, signal)),
  open: procedure
    .input(sessionTarget.extend({ of: Previewed, folder: Folder, minutes: z.int().min(1).max(525_600).optional() }))
    .output(Preview)
    .mutation(async ({ ctx, input: { sessionId, of, folder, minutes } }) => {
      const lifeMs = ctx.previews.lifeMs(minutes);
      return await toPreview(ctx, sessionId, await ctx.services.ports.open(sessionId, { of, folder, lifeMs }));
    }),
  opened: procedure
    .input(sessionTarget)
    .output(z.array(Preview))
    .query(async ({ ctx, input: { sessionId } }) => {
      const all = await ctx.services.ports.opened(sessionId);
      return await Promise.all(all.map((view) => toPreview(ctx, sessionId, view)));
    }),
  close: procedure
    .input(sessionTarget.extend({ id: z.string().max(100) }))
    .output(OkResult)
    .mutation(({ ctx, input: { sessionId, id } }) => toOkResult(ctx.services.ports.close(sessionId, id))),
});
