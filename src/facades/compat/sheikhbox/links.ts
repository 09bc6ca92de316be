import { z } from 'zod';
import { toSessionId } from '../../../api/procedure/session-id.ts';
import type { App } from '../../../http/routes/routes.ts';
import type { ShareView } from '../../../sessions/api/shares.ts';
import { envelopeReply, toSuccessEnvelope } from '../../shared/envelope.ts';
import { describeRoute, type SheikhboxContext, sessionsPath } from './context.ts';
import * as replies from './replies.ts';
import { SessionParams as params } from './schemas.ts';
import { toEpochSeconds } from './stream/events.ts';

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
