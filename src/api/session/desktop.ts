import { z } from 'zod';
import { DesktopView } from '../../sessions/api/desktop.ts';
import { defineOperations, procedure, router } from '../procedure/procedure.ts';
import { sessionTarget } from '../procedure/schemas.ts';

const viewer = z.string().min(1).max(64).describe('the name that the viewer gave itself: `viewer` in its address');
const ofViewer = sessionTarget.extend({ viewer });

const operation = defineOperations({
  tag: 'Desktop',
  prefix: 'desktop',
  style: 'session',
  texts: {
    404: 'No such session, or no such viewer',
    501: 'The sandbox has no desktop',
    503: 'The sandbox is stopped, or cannot start',
  },
});
const base = '/api/v1/sessions/:sid=sessionId/desktop';
const screenOf = (id: string) => `/api/v1/sessions/${id}/vnc`;
const answered = {
  in: sessionTarget,
  out: DesktopView,
  answer: {
    state: 'running',
    browser: 'running',
    width: 1280,
    height: 800,
    viewers: 1,
    controller: null,
    offer: { state: 'ready' },
  },
  reply: {
    schema: DesktopView.extend({ vnc_url: z.string() }),
    value: (desktop: DesktopView, { sessionId }: z.output<typeof sessionTarget>) => ({
      ...desktop,
      vnc_url: screenOf(sessionId),
    }),
  },
  fails: [404, 501],
} as const;

export const desktopRouter = router({
  status: operation({
    ...answered,
    rest: `GET ${base}`,
    summary: 'Get the state of the desktop; starts nothing',
    may: 'read',
  }).query(({ ctx, input }) => ctx.services.desktop.status(input.sessionId)),
  start: operation({
    ...answered,
    rest: `POST ${base}/start`,
    summary: 'Start the desktop',
    may: 'work',
  }).mutation(({ ctx, input }) => ctx.services.desktop.start(input.sessionId, ctx.signal)),
  add: operation({
    ...answered,
    rest: `POST ${base}/add`,
    summary: 'Start the desktop; a sandbox without one is restarted with its files',
    may: 'work',
    fails: [404, 409, 501],
  }).mutation(({ ctx, input }) => ctx.services.desktop.add(input.sessionId, ctx.signal)),
  stop: operation({
    ...answered,
    rest: `POST ${base}/stop`,
    summary: 'Stop the desktop and every program on it',
    may: 'work',
  }).mutation(({ ctx, input }) => ctx.services.desktop.stop(input.sessionId, ctx.signal)),
  control: operation({
    ...answered,
    rest: `POST ${base}/control`,
    summary: 'Give the keyboard and mouse to a viewer, or back to the agent',
    may: 'work',
    in: ofViewer.extend({ action: z.enum(['take', 'give']).default('take') }),
    body: z.object({ viewer, action: z.enum(['take', 'give']).default('take') }),
    example: { viewer: 'my-viewer-1', action: 'take' },
  }).mutation(({ ctx: { services }, input: { sessionId, viewer, action } }) =>
    action === 'take'
      ? services.desktop.takeControl(sessionId, viewer)
      : services.desktop.giveControl(sessionId, viewer),
  ),
  /** Takes control even from another viewer. `viewer`: the query parameter of the viewer's connection. */
  takeControl: procedure
    .input(ofViewer)
    .output(DesktopView)
    .mutation(({ ctx, input }) => ctx.services.desktop.takeControl(input.sessionId, input.viewer)),
  giveControl: procedure
    .input(ofViewer)
    .output(DesktopView)
    .mutation(({ ctx, input }) => ctx.services.desktop.giveControl(input.sessionId, input.viewer)),

  /** Creates a single-use, expiring link, which requires no token. */
  signedUrl: procedure
    .input(
      sessionTarget.extend({
        right: z.enum(['view', 'control']).default('view'),
        expireSeconds: z.int().min(1).max(900).default(60),
      }),
    )
    .output(z.object({ url: z.string(), page: z.string(), expiresIn: z.int() }))
    .mutation(async ({ ctx, input: { sessionId, right, expireSeconds } }) => {
      const { id } = await ctx.services.sessions.get(sessionId);
      await ctx.services.desktop.status(id); // only a caller who can see the desktop gets a link
      const url = ctx.sign({ method: 'GET', path: screenOf(id), purpose: 'vnc', right }, expireSeconds * 1_000);
      return { url, page: `/sessions/${id}/desktop#${url.split('?', 2)[1]}`, expiresIn: expireSeconds };
    }),
});
