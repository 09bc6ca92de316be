import { AppError } from '../../core/errors.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { App } from '../shared/routes.ts';
import { base, type SheikhboxContext, sessionId } from './context.ts';
import * as doc from './docs-additive.ts';
import { isFilePath } from './file-infos.ts';
import { SessionParams, success } from './schemas.ts';
import { attachmentsOf, sessionView } from './views.ts';

const linkMs = 5 * 60_000;

/** Sessions that their owner shares with everyone who knows the address, and the files attached to them. */
export function mountShared(app: App, context: SheikhboxContext): void {
  const { sessions, signed } = context;
  const schema = { params: SessionParams };
  for (const { method, shared } of [
    { method: 'POST', shared: true },
    { method: 'DELETE', shared: false },
  ] as const) {
    app.route({
      ...{ method, url: `${base}/:sid/share`, schema },
      config: { doc: shared ? doc.share : doc.unshare },
      handler: async (request) => {
        const changed = await sessions.update(sessionId((request.params as SessionParams).sid), { shared });
        return success({ session_id: changed.id, is_shared: changed.shared });
      },
    });
  }
  app.get(`${base}/:sid/files`, { schema, config: { doc: doc.sessionFiles } }, async ({ params }) =>
    success(await attachmentsOf(await sessions.get(sessionId(params.sid)), context)),
  );

  /** No token is needed. An unknown session and an unshared one give the same answer. */
  const shown = async (sid: string): Promise<SessionRecord> => {
    const session = await sessions.get(sessionId(sid));
    if (!session.shared) throw new AppError('session_not_found', 'There is no such session.');
    return session;
  };
  const linked = (path: string): string =>
    isFilePath(path) ? signed.sign({ method: 'GET', path, purpose: 'file' }, linkMs) : path;
  app.get(`${base}/shared/:sid`, { schema, config: { doc: doc.sharedSession, open: true } }, async ({ params }) => {
    const { session_id, title, status, events } = await sessionView(await shown(params.sid), context, linked);
    return success({ session_id, title, status, events, is_shared: true as const });
  });
  app.get(`${base}/:sid/share/files`, { schema, config: { doc: doc.sharedFiles, open: true } }, async ({ params }) =>
    success(await attachmentsOf(await shown(params.sid), context, linked)),
  );
}
