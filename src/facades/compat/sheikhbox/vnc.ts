import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { describeUpgradeFailures } from '../../../http/errors/failure-docs.ts';
import type { RouteDoc } from '../../../http/routes/route-docs.ts';
import type { App } from '../../../http/routes/routes.ts';
import { relayVnc } from '../../../http/transport/vnc-relay.ts';
import { closeCodes } from '../../../http/transport/ws-socket.ts';
import { toSuccessEnvelope } from '../../shared/envelope.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from './context.ts';
import { screenLinkReply } from './files/file-replies.ts';
import { ScreenLinkBody, SessionParams } from './schemas.ts';

// Accepts any string: viewers with invalid parameters can still watch and type.
const ViewerQuery = z.object({
  view_only: z.string().optional().describe('1: watch only, whoever has control'),
  viewer: z.string().optional().describe('a name of the viewer’s own, 8 to 64 letters, digits, - and _'),
  token: z.string().optional().describe('for viewers that can set no header'),
  signature: z.string().optional().describe('of a link; opens this screen without a token'),
  notices: z.string().optional().describe('1: text frames tell who has control, and {"type":"take"|"give"} ask for it'),
});
const yes = new Set(['1', 'true', 'yes']);

const screenDoc: RouteDoc = {
  operationId: 'sheikhboxVnc',
  tag: 'SheikhBox',
  summary: "The screen of a session's sandbox, as RFB in binary frames",
  description: [
    'Offers security type 1 (None). Takes a token, or `signature` in the query. Closes with 1008 for an unknown session',
    'and 1011 where the sandbox has no desktop or is stopped, 1012 when the display ended (connect again), 1002 for what',
    'is no RFB, 4410 with the session. A client that offers subprotocols must offer `binary`. One viewer at a time uses',
    'keyboard and mouse: the first that presses something, until it leaves or another takes over.',
  ].join(' '),
  failures: {
    ...describeUpgradeFailures([]),
    400: { description: 'Offers only other subprotocols than binary' },
    401: { description: 'Not authenticated, or a link that is not valid any more' },
  },
};

export function mountVnc(app: App, { sessions, sockets, signed, desktop, clipboard }: SheikhboxContext): void {
  sockets.route({
    path: `${sessionsPath}/:sid/vnc`,
    params: SessionParams,
    query: ViewerQuery,
    doc: screenDoc,
    subprotocols: ['binary'],
    strictSubprotocols: true,
    signed: 'vnc',
    async open(socket, { params, query: { view_only, viewer, notices }, right }) {
      const { id } = await sessions.get(toSessionId(params.sid)); // an unknown session closes the socket with 1008
      if (!desktop) return socket.close(closeCodes.failed, 'VNC is not available');
      const requested = {
        sessionId: id,
        mayControl: right !== 'view' && !yes.has(view_only ?? ''),
        talks: yes.has(notices ?? ''),
        ...(viewer !== undefined && /^[\w-]{8,64}$/.test(viewer) && { viewerId: viewer }),
      };
      return await relayVnc(socket, requested, { desktop, clipboard });
    },
  });
  app.post(
    `${sessionsPath}/:sid/vnc/signed-url`,
    describeRoute('VncLink', "Make a link to a session's screen that needs no token", {
      schema: { params: SessionParams, body: ScreenLinkBody, response: { 200: screenLinkReply } },
      description: 'The link works once and expires. With `right: view` its viewer may only watch.',
      bodyExample: { expire_minutes: 15 },
      fails: [400, 404],
    }),
    async ({ params, body }) => {
      const { id } = await sessions.get(toSessionId(params.sid));
      await desktop?.status(id); // rejects callers that cannot see the desktop
      const seconds = body.expire_minutes * 60;
      const what = { method: 'GET', path: `${sessionsPath}/${id}/vnc`, purpose: 'vnc', right: body.right } as const;
      return toSuccessEnvelope({ signed_url: signed.sign(what, seconds * 1_000), expires_in: seconds });
    },
  );
}
