import { z } from 'zod';
import { neverFires } from '../../core/concurrency/cancel.ts';
import type { DesktopView } from '../../sessions/api/desktop.ts';
import { procedure, router } from '../procedure/procedure.ts';
import { ofSession } from '../procedure/schemas.ts';
import { Offer } from '../views/health.ts';

const Desktop = z.object({
  state: z.enum(['unsupported', 'stopped', 'starting', 'running']),
  browser: z.enum(['stopped', 'running']),
  width: z.int(),
  height: z.int(),
  viewers: z.int(),
  /** The viewer that has the keyboard and mouse; null: the agent. */
  controller: z.string().nullable(),
  /** Whether the sandbox has a desktop once it starts again. */
  offer: Offer,
}) satisfies z.ZodType<DesktopView>;
const ofViewer = ofSession.extend({ viewer: z.string().min(1).max(64) });

export const desktopRouter = router({
  status: procedure
    .input(ofSession)
    .output(Desktop)
    .query(({ ctx, input }) => ctx.services.desktop.status(input.sessionId)),

  start: procedure
    .input(ofSession)
    .output(Desktop)
    .mutation(({ ctx, input, signal = neverFires }) => ctx.services.desktop.start(input.sessionId, signal)),

  /** Starts the desktop, and before that a sandbox that has none again, on its files. */
  add: procedure
    .input(ofSession)
    .output(Desktop)
    .mutation(({ ctx, input, signal = neverFires }) => ctx.services.desktop.add(input.sessionId, signal)),

  stop: procedure
    .input(ofSession)
    .output(Desktop)
    .mutation(({ ctx, input, signal = neverFires }) => ctx.services.desktop.stop(input.sessionId, signal)),

  /** Takes control, also from another viewer. The viewer must be connected under the name in its address (`viewer`). */
  takeControl: procedure
    .input(ofViewer)
    .output(Desktop)
    .mutation(({ ctx, input }) => ctx.services.desktop.takeControl(input.sessionId, input.viewer)),

  giveControl: procedure
    .input(ofViewer)
    .output(Desktop)
    .mutation(({ ctx, input }) => ctx.services.desktop.giveControl(input.sessionId, input.viewer)),

  /** A link to the screen that needs no token. It works once and expires. */
  signedUrl: procedure
    .input(
      ofSession.extend({
        right: z.enum(['view', 'control']).default('view'),
        expireSeconds: z.int().min(1).max(900).default(60),
      }),
    )
    .output(z.object({ url: z.string(), page: z.string(), expiresIn: z.int() }))
    .mutation(async ({ ctx, input: { sessionId, right, expireSeconds } }) => {
      const { id } = await ctx.services.sessions.get(sessionId);
      await ctx.services.desktop.status(id); // only a caller who may see the desktop gets a link
      const path = `/api/v1/sessions/${id}/vnc`;
      const url = ctx.sign({ method: 'GET', path, purpose: 'vnc', right }, expireSeconds * 1_000);
      return { url, page: `/sessions/${id}/desktop#${url.split('?', 2)[1]}`, expiresIn: expireSeconds };
    }),
});
