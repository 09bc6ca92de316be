import { z } from 'zod';
import { AppError } from '../../core/errors.ts';
import { SessionId } from '../../core/ids.ts';
import type { DesktopService, DesktopView } from '../../session/api/services.ts';
import type { App, Dialect, ResponseDoc, RouteDoc } from '../shared/routes.ts';
import { whileConnected } from '../shared/while-connected.ts';

// Routes for the desktop of a session's sandbox; they use the envelope of the SheikhBox dialect.

interface DesktopDeps {
  readonly desktop: DesktopService;
}
const base = '/api/v1/sessions/:sid/desktop';
const Params = z.object({ sid: z.string().describe('the session') });
const ControlBody = z.object({
  viewer: z.string().min(1).max(64).describe('the name that the viewer gave itself: `viewer` in its address'),
  action: z.enum(['take', 'give']).default('take'),
});

const View = z.object({
  state: z.enum(['unsupported', 'stopped', 'starting', 'running']),
  browser: z.enum(['stopped', 'running']),
  width: z.int(),
  height: z.int(),
  viewers: z.int(),
  controller: z.string().nullable().describe('the viewer that has the keyboard and mouse; null: the agent'),
  vnc_url: z.string(),
});
const example = {
  ...{ state: 'running', browser: 'running', width: 1280, height: 800, viewers: 1, controller: null },
  vnc_url: '/api/v1/sessions/0123456789abcdef/vnc',
};
const Reply = z.object({ code: z.literal(0), msg: z.literal('success'), data: View });
const failure: ResponseDoc = {
  description: 'Any failure',
  content: { 'application/json': { schema: z.object({ code: z.int(), msg: z.string(), data: z.null() }) } },
};
const doc = (operationId: string, summary: string): RouteDoc => ({
  ...{ operationId, tag: 'Desktop', summary },
  responses: {
    200: {
      description: 'Success',
      content: { 'application/json': { schema: Reply, example: { code: 0, msg: 'success', data: example } } },
    },
    404: { ...failure, description: 'No such session, or no such viewer' },
    501: { ...failure, description: 'The sandbox has no desktop' },
    503: { ...failure, description: 'The sandbox is stopped, or cannot start' },
    default: failure,
  },
});

export function desktopRoutes({ desktop }: DesktopDeps): Dialect {
  return { mount: (app) => mountDesktop(app, desktop) };
}

function mountDesktop(app: App, desktop: DesktopService): void {
  app.get(
    base,
    {
      schema: { params: Params },
      config: { doc: doc('desktopStatus', 'Get the state of the desktop; starts nothing') },
    },
    async ({ params }) => answer(params.sid, (id) => desktop.status(id)),
  );
  app.post(
    `${base}/start`,
    { schema: { params: Params }, config: { doc: doc('desktopStart', 'Start the desktop') } },
    async ({ params }, reply) => answer(params.sid, (id) => desktop.start(id, whileConnected(reply))),
  );
  app.post(
    `${base}/stop`,
    { schema: { params: Params }, config: { doc: doc('desktopStop', 'Stop the desktop and every program on it') } },
    async ({ params }, reply) => answer(params.sid, (id) => desktop.stop(id, whileConnected(reply))),
  );
  app.post(
    `${base}/control`,
    {
      schema: { params: Params, body: ControlBody },
      config: {
        doc: {
          ...doc('desktopControl', 'Give the keyboard and mouse to a viewer, or back to the agent'),
          bodyExample: { viewer: 'my-viewer-1', action: 'take' },
        },
      },
    },
    async ({ params, body: { viewer, action } }) =>
      answer(params.sid, (id) =>
        action === 'take' ? desktop.takeControl(id, viewer) : desktop.giveControl(id, viewer),
      ),
  );
}

async function answer(sid: string, act: (id: SessionId) => Promise<DesktopView>) {
  const parsed = SessionId.safeParse(sid);
  if (!parsed.success) throw new AppError('session_not_found', 'Session not found');
  const id = parsed.data;
  const data = { ...(await act(id)), vnc_url: `/api/v1/sessions/${id}/vnc` };
  return { code: 0 as const, msg: 'success' as const, data };
}
