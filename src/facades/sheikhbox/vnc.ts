import type { App } from '../shared/routes.ts';
import { closeCodes } from '../shared/ws-socket.ts';
import { base, type SheikhboxContext, sessionId } from './context.ts';
import * as doc from './docs-additive.ts';
import { MinutesBody, SessionParams, success } from './schemas.ts';

/** The screen of a session's sandbox. No driver has one yet, so a viewer is told so. */
export function mountVnc(app: App, { sessions, sockets, signed }: SheikhboxContext): void {
  sockets.route({
    path: `${base}/:sid/vnc`,
    params: SessionParams,
    doc: doc.vnc,
    subprotocols: ['binary'],
    strictSubprotocols: true,
    signed: 'vnc',
    async open(socket, { params }) {
      await sessions.get(sessionId(params.sid)); // else closed with 1008
      socket.close(closeCodes.failed, 'VNC is not available');
    },
  });
  app.post(
    `${base}/:sid/vnc/signed-url`,
    { schema: { params: SessionParams, body: MinutesBody }, config: { doc: doc.vncLink } },
    async ({ params, body }) => {
      const { id } = await sessions.get(sessionId(params.sid));
      const seconds = body.expire_minutes * 60;
      const what = { method: 'GET', path: `${base}/${id}/vnc`, purpose: 'vnc' } as const;
      return success({ signed_url: signed.sign(what, seconds * 1_000), expires_in: seconds });
    },
  );
}
