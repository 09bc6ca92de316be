import { z } from 'zod';
import type { App } from '../shared/routes.ts';
import { relayVnc } from '../shared/vnc-relay.ts';
import { closeCodes } from '../shared/ws-socket.ts';
import { base, type SheikhboxContext, sessionId } from './context.ts';
import * as doc from './docs-additive.ts';
import { LinkBody, SessionParams, success } from './schemas.ts';

// Accepts any value: a viewer with unknown parameters can still watch and type.
const ViewerQuery = z.object({
  view_only: z.string().optional().describe('1: watch only, whoever has control'),
  viewer: z.string().optional().describe('a name of the viewer’s own, 8 to 64 letters, digits, - and _'),
  token: z.string().optional().describe('for viewers that can set no header'),
  signature: z.string().optional().describe('of a link; opens this screen without a token'),
  notices: z.string().optional().describe('1: text frames tell who has control, and {"type":"take"|"give"} ask for it'),
});
const yes = new Set(['1', 'true', 'yes']);

/** Mounts the screen of a session's sandbox. */
export function mountVnc(app: App, { sessions, sockets, signed, desktop, clipboard }: SheikhboxContext): void {
  sockets.route({
    path: `${base}/:sid/vnc`,
    params: SessionParams,
    query: ViewerQuery,
    doc: doc.vnc,
    subprotocols: ['binary'],
    strictSubprotocols: true,
    signed: 'vnc',
    async open(socket, { params, query: { view_only, viewer, notices }, right }) {
      const { id } = await sessions.get(sessionId(params.sid)); // an unknown session closes the socket with 1008
      if (!desktop) return socket.close(closeCodes.failed, 'VNC is not available');
      const wish = {
        sessionId: id,
        mayControl: right !== 'view' && !yes.has(view_only ?? ''),
        talks: yes.has(notices ?? ''),
        ...(viewer !== undefined && /^[\w-]{8,64}$/.test(viewer) && { viewerId: viewer }),
      };
      return await relayVnc(socket, wish, { desktop, clipboard: clipboard ?? false });
    },
  });
  app.post(
    `${base}/:sid/vnc/signed-url`,
    { schema: { params: SessionParams, body: LinkBody }, config: { doc: doc.vncLink } },
    async ({ params, body }) => {
      const { id } = await sessions.get(sessionId(params.sid));
      await desktop?.status(id); // only a caller who may see the desktop gets a link
      const seconds = body.expire_minutes * 60;
      const what = { method: 'GET', path: `${base}/${id}/vnc`, purpose: 'vnc', right: body.right } as const;
      return success({ signed_url: signed.sign(what, seconds * 1_000), expires_in: seconds });
    },
  );
}
