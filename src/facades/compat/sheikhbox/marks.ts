import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import { AppError } from '../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { App } from '../../../http/routes/routes.ts';
import type { ShareView } from '../../../sessions/api/shares.ts';
import { envelopeReply, toSuccessEnvelope } from '../../shared/envelope.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from './context.ts';
import { isDownloadPath } from './files/file-infos.ts';
import { sessionFilesReply, sharedFilesReply } from './files/file-replies.ts';
import * as replies from './replies.ts';
import { PinBody, SessionParams as params, TitleBody } from './schemas.ts';
import { toEpochSeconds } from './stream/events.ts';
import { readAttachments, readSessionHistory } from './views.ts';

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

  /** Unknown and unshared sessions get the same response, so callers without a token cannot tell which exist. */
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

const LinkParams = params.extend({ link: z.string().max(100).describe('the link') });
const Body = z.object({
  hours: z.int().min(1).max(8_760).default(168).describe('how long the link works'),
  files: z.boolean().default(false).describe('the link shows the files of the workspace too'),
});
const Link = z.object({ link_id: z.string(), created_at: z.int(), expires_at: z.int(), files: z.boolean() });
const link = { link_id: '0f1e2d3c4b5a', created_at: 1735689600, expires_at: 1736294400, files: false };
const created = { token: `5f2a0c9be41d7733.0f1e2d3c4b5a.${'A'.repeat(43)}`, path: '/shared#…' };
const toLink = ({ id, createdAt, expiresAt, files }: ShareView) => ({
  link_id: id,
  created_at: toEpochSeconds(createdAt),
  expires_at: toEpochSeconds(expiresAt),
  files,
});

export function mountShareLinks(app: App, { shares }: SheikhboxContext): void {
  app.post(
    `${sessionsPath}/:sid/links`,
    describeRoute('CreateLink', 'Make a link that shows this session to anyone who has it', {
      schema: {
        params,
        body: Body,
        response: { 200: envelopeReply(Link.extend({ token: z.string(), path: z.string() }), { ...link, ...created }) },
      },
      description: 'The answer alone has the link. It expires, and can be revoked.',
      bodyExample: { hours: 24 },
      fails: [400, 404, 409],
    }),
    async ({ params, body: { hours, files } }) => {
      const { token, view } = await shares.create(toSessionId(params.sid), { lifeMs: hours * 3_600_000, files });
      return toSuccessEnvelope({ ...toLink(view), token, path: `/shared#${token}` });
    },
  );
  app.get(
    `${sessionsPath}/:sid/links`,
    describeRoute('Links', 'List the links that show this session', {
      schema: { params, response: { 200: envelopeReply(z.object({ links: z.array(Link) }), { links: [link] }) } },
      fails: [404],
    }),
    async ({ params }) => toSuccessEnvelope({ links: (await shares.list(toSessionId(params.sid))).map(toLink) }),
  );
  app.delete(
    `${sessionsPath}/:sid/links/:link`,
    describeRoute('RevokeLink', 'Revoke a link', {
      schema: { params: LinkParams, response: { 200: replies.emptyReply } },
      fails: [404],
    }),
    async ({ params }) => {
      await shares.revoke(toSessionId(params.sid), params.link);
      return toSuccessEnvelope(null);
    },
  );
}
