import type { App } from '../shared/routes.ts';
import { base, type SheikhboxContext, sessionId } from './context.ts';
import * as doc from './docs-additive.ts';
import { PinBody, SessionParams, success, TitleBody } from './schemas.ts';

/** Marks of a session that users set: title, favorite and so on. Only the title is logged as an event. */
export function mountMarks(app: App, { sessions }: SheikhboxContext): void {
  const params = { params: SessionParams };
  app.patch(
    `${base}/:sid/title`,
    { schema: { ...params, body: TitleBody }, config: { doc: doc.rename } },
    async (request) => {
      const { id, title } = await sessions.rename(sessionId(request.params.sid), request.body.title);
      return success({ session_id: id, title });
    },
  );
  for (const { method, favorite } of [
    { method: 'POST', favorite: true },
    { method: 'DELETE', favorite: false },
  ] as const) {
    app.route({
      ...{ method, url: `${base}/:sid/favorite`, schema: params },
      config: { doc: favorite ? doc.favorite : doc.unfavorite },
      handler: async (request) => {
        const changed = await sessions.update(sessionId((request.params as SessionParams).sid), { favorite });
        return success({ session_id: changed.id, is_favorite: changed.favorite });
      },
    });
  }
  app.post(`${base}/:sid/pin`, { schema: { ...params, body: PinBody }, config: { doc: doc.pin } }, async (request) => {
    const { id, pinned } = await sessions.update(sessionId(request.params.sid), { pinned: request.body.is_pinned });
    return success({ session_id: id, is_pinned: pinned });
  });
  app.post(
    `${base}/:sid/clear_unread_message_count`,
    { schema: params, config: { doc: doc.clearUnread } },
    async (request) => {
      await sessions.update(sessionId(request.params.sid), { unread: 0 });
      return success(null);
    },
  );
}
