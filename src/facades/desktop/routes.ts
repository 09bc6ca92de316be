import { z } from 'zod';
import { toSessionId } from '../../api/procedure/session-id.ts';
import { Offer } from '../../api/views/health.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { failuresIn } from '../../http/errors/failure-docs.ts';
import { describing } from '../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { DesktopService, DesktopView } from '../../sessions/api/desktop.ts';
import { envelopeStyle, okEnveloped, success } from '../shared/envelope.ts';

// Routes for the desktop of a session's sandbox; they use the envelope of the SheikhBox facade.

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
  offer: Offer.describe('whether the sandbox has a desktop once it starts again'),
  vnc_url: z.string(),
});
const view = okEnveloped(View, {
  state: 'running',
  browser: 'running',
  width: 1280,
  height: 800,
  viewers: 1,
  controller: null,
  offer: { state: 'ready' },
  vnc_url: '/api/v1/sessions/0123456789abcdef/vnc',
});
const texts = {
  404: 'No such session, or no such viewer',
  501: 'The sandbox has no desktop',
  503: 'The sandbox is stopped, or cannot start',
};
const describe = describing({ tag: 'Desktop', prefix: 'desktop', failures: failuresIn({ ...envelopeStyle, texts }) });
const about = (name: string, summary: string, more: { readonly bodyExample?: unknown } = {}) =>
  describe(name, summary, { fails: [404, 501], ...more });

export function desktopRoutes({ desktop }: DesktopDeps): FacadeRoutes {
  return { mount: (app) => mountDesktop(app, desktop) };
}

function mountDesktop(app: App, desktop: DesktopService): void {
  const schema = { params: Params, response: { 200: view } };
  app.get(
    base,
    { schema, config: { doc: about('Status', 'Get the state of the desktop; starts nothing') } },
    async ({ params }) => answer(params.sid, (id) => desktop.status(id)),
  );
  app.post(
    `${base}/start`,
    { schema, config: { doc: about('Start', 'Start the desktop') } },
    async ({ params }, reply) => answer(params.sid, (id) => desktop.start(id, abortOnDisconnect(reply))),
  );
  app.post(
    `${base}/add`,
    {
      schema,
      config: {
        doc: describe('Add', 'Start the desktop; a sandbox that has none starts again on its files', {
          fails: [404, 409, 501],
        }),
      },
    },
    async ({ params }, reply) => answer(params.sid, (id) => desktop.add(id, abortOnDisconnect(reply))),
  );
  app.post(
    `${base}/stop`,
    { schema, config: { doc: about('Stop', 'Stop the desktop and every program on it') } },
    async ({ params }, reply) => answer(params.sid, (id) => desktop.stop(id, abortOnDisconnect(reply))),
  );
  app.post(
    `${base}/control`,
    {
      schema: { ...schema, body: ControlBody },
      config: {
        doc: about('Control', 'Give the keyboard and mouse to a viewer, or back to the agent', {
          bodyExample: { viewer: 'my-viewer-1', action: 'take' },
        }),
      },
    },
    async ({ params, body: { viewer, action } }) =>
      answer(params.sid, (id) =>
        action === 'take' ? desktop.takeControl(id, viewer) : desktop.giveControl(id, viewer),
      ),
  );
}

async function answer(sid: string, act: (id: SessionId) => Promise<DesktopView>) {
  const id = toSessionId(sid);
  return success({ ...(await act(id)), vnc_url: `/api/v1/sessions/${id}/vnc` });
}
