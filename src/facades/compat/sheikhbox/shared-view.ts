import { toSessionId } from '../../../api/procedure/session-id.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { App } from '../../../http/routes/routes.ts';
import { toSuccessEnvelope } from '../../shared/envelope.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from './context.ts';
import { isDownloadPath } from './files/file-infos.ts';
import { sessionFilesReply, sharedFilesReply } from './files/file-replies.ts';
import * as replies from './replies.ts';
import { SessionParams as params } from './schemas.ts';
import { readAttachments, readSessionHistory } from './views.ts';

const linkMs = 5 * 60_000;

export function mountSessionSharing(app: App, context: SheikhboxContext): void {
  const { sessions, signed } = context;
  const mark = async (sid: string, shared: boolean) => {
    const changed = await sessions.update(toSessionId(sid), { shared });
    return toSuccessEnvelope({ session_id: changed.id, is_shared: changed.shared });
  };
  app.post(
    `${sessionsPath}/:sid/share`,
    describeRoute('Share', 'Share a session with everyone who knows its address', {
      schema: { params, response: { 200: replies.shareReply(true) } },
      fails: [404],
    }),
    (request) => mark(request.params.sid, true),
  );
  app.delete(
    `${sessionsPath}/:sid/share`,
    describeRoute('Unshare', 'End the sharing of a session', {
      schema: { params, response: { 200: replies.shareReply(false) } },
      fails: [404],
    }),
    (request) => mark(request.params.sid, false),
  );
  app.get(
    `${sessionsPath}/:sid/files`,
    describeRoute('SessionFiles', "List the files attached to a session's messages", {
      schema: { params, response: { 200: sessionFilesReply } },
      fails: [404],
    }),
    async ({ params }) =>
      toSuccessEnvelope(await readAttachments(await sessions.get(toSessionId(params.sid)), context)),
  );

  /** No token is needed. An unknown session and an unshared one give the same answer. */
  const shown = async (sid: string): Promise<SessionRecord> => {
    const session = await sessions.get(toSessionId(sid));
    if (!session.shared) throw new AppError('session_not_found', 'There is no such session.');
    return session;
  };
  const linked = (path: string): string =>
    isDownloadPath(path) ? signed.sign({ method: 'GET', path, purpose: 'file' }, linkMs) : path;
  app.get(
    `${sessionsPath}/shared/:sid`,
    describeRoute('SharedSession', 'Read a shared session with its history; needs no token', {
      schema: { params, response: { 200: replies.sharedSessionReply } },
      config: { open: true },
      description: 'Files in it come with links that work without a token for a few minutes.',
      fails: [404],
    }),
    async ({ params }) => {
      const { session_id, title, status, events } = await readSessionHistory(await shown(params.sid), context, linked);
      return toSuccessEnvelope({ session_id, title, status, events, is_shared: true as const });
    },
  );
  app.get(
    `${sessionsPath}/:sid/share/files`,
    describeRoute('SharedFiles', 'List the files of a shared session; needs no token', {
      schema: { params, response: { 200: sharedFilesReply } },
      config: { open: true },
      fails: [404],
    }),
    async ({ params }) => toSuccessEnvelope(await readAttachments(await shown(params.sid), context, linked)),
  );
}
