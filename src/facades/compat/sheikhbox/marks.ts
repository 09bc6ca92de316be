import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { App } from '../../../http/routes/routes.ts';
import { toSuccessEnvelope } from '../../shared/envelope.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from './context.ts';
import * as replies from './replies.ts';
import { PinBody, SessionParams as params, TitleBody } from './schemas.ts';

export function mountSessionAttributes(app: App, { sessions }: SheikhboxContext): void {
  app.patch(
    `${sessionsPath}/:sid/title`,
    describeRoute('Rename', 'Rename a session', {
      schema: { params, body: TitleBody, response: { 200: replies.titleReply } },
      bodyExample: { title: 'Say hi' },
      fails: [400, 404],
    }),
    async (request) => {
      const { id, title } = await sessions.rename(toSessionId(request.params.sid), request.body.title);
      return toSuccessEnvelope({ session_id: id, title });
    },
  );
  const mark = async (sid: string, favorite: boolean) => {
    const changed = await sessions.update(toSessionId(sid), { favorite });
    return toSuccessEnvelope({ session_id: changed.id, is_favorite: changed.favorite });
  };
  app.post(
    `${sessionsPath}/:sid/favorite`,
    describeRoute('Favorite', 'Mark a session as a favorite', {
      schema: { params, response: { 200: replies.favoriteReply(true) } },
      fails: [404],
    }),
    (request) => mark(request.params.sid, true),
  );
  app.delete(
    `${sessionsPath}/:sid/favorite`,
    describeRoute('Unfavorite', 'Remove the favorite mark of a session', {
      schema: { params, response: { 200: replies.favoriteReply(false) } },
      fails: [404],
    }),
    (request) => mark(request.params.sid, false),
  );
  app.post(
    `${sessionsPath}/:sid/pin`,
    describeRoute('Pin', 'Pin or unpin a session', {
      schema: { params, body: PinBody, response: { 200: replies.pinReply } },
      bodyExample: { is_pinned: true },
      fails: [400, 404],
    }),
    async (request) => {
      const { id, pinned } = await sessions.update(toSessionId(request.params.sid), { pinned: request.body.is_pinned });
      return toSuccessEnvelope({ session_id: id, is_pinned: pinned });
    },
  );
  app.post(
    `${sessionsPath}/:sid/clear_unread_message_count`,
    describeRoute('ClearUnread', 'Mark all messages of a session as read', {
      schema: { params, response: { 200: replies.emptyReply } },
      fails: [404],
    }),
    async (request) => {
      await sessions.update(toSessionId(request.params.sid), { unread: 0 });
      return toSuccessEnvelope(null);
    },
  );
}
