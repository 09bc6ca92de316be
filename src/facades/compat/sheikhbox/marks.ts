import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { App } from '../../../http/routes/routes.ts';
import { success } from '../../shared/envelope.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from './context.ts';
import * as replies from './replies.ts';
import { PinBody, SessionParams as params, TitleBody } from './schemas.ts';

/** Marks of a session that users set: title, favorite and so on. Only the title is logged as an event. */
export function mountMarks(app: App, { sessions }: SheikhboxContext): void {
  app.patch(
    `${sessionsPath}/:sid/title`,
    {
      schema: { params, body: TitleBody, response: { 200: replies.titleReply } },
      config: {
        doc: describeRoute('Rename', 'Rename a session', { bodyExample: { title: 'Say hi' }, fails: [400, 404] }),
      },
    },
    async (request) => {
      const { id, title } = await sessions.rename(toSessionId(request.params.sid), request.body.title);
      return success({ session_id: id, title });
    },
  );
  const mark = async (sid: string, favorite: boolean) => {
    const changed = await sessions.update(toSessionId(sid), { favorite });
    return success({ session_id: changed.id, is_favorite: changed.favorite });
  };
  app.post(
    `${sessionsPath}/:sid/favorite`,
    {
      schema: { params, response: { 200: replies.favoriteReply(true) } },
      config: { doc: describeRoute('Favorite', 'Mark a session as a favorite', { fails: [404] }) },
    },
    (request) => mark(request.params.sid, true),
  );
  app.delete(
    `${sessionsPath}/:sid/favorite`,
    {
      schema: { params, response: { 200: replies.favoriteReply(false) } },
      config: { doc: describeRoute('Unfavorite', 'Remove the favorite mark of a session', { fails: [404] }) },
    },
    (request) => mark(request.params.sid, false),
  );
  app.post(
    `${sessionsPath}/:sid/pin`,
    {
      schema: { params, body: PinBody, response: { 200: replies.pinReply } },
      config: {
        doc: describeRoute('Pin', 'Pin or unpin a session', { bodyExample: { is_pinned: true }, fails: [400, 404] }),
      },
    },
    async (request) => {
      const { id, pinned } = await sessions.update(toSessionId(request.params.sid), { pinned: request.body.is_pinned });
      return success({ session_id: id, is_pinned: pinned });
    },
  );
  app.post(
    `${sessionsPath}/:sid/clear_unread_message_count`,
    {
      schema: { params, response: { 200: replies.emptyReply } },
      config: { doc: describeRoute('ClearUnread', 'Mark all messages of a session as read', { fails: [404] }) },
    },
    async (request) => {
      await sessions.update(toSessionId(request.params.sid), { unread: 0 });
      return success(null);
    },
  );
}
