import { z } from 'zod';
import { okReply } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { SharedSessionService } from '../../sessions/api/shares.ts';
import type { PageFiles } from '../shared/facade.ts';
import { describeRoute } from './about.ts';
import { assetReply, publicRouteConfig } from './assets.ts';
import { sendPageFile } from './page.ts';

// The secret is in the request body, so no request log contains it.

const token = z.string().max(200).describe('the part of the link behind the #');
const ReadBody = z.object({ token, after: z.int().min(0).default(0).describe('the cursor of the previous page') });
const FileBody = z.object({ token, path: z.string().max(4_096).default('.').describe('in the workspace') });
const ContentBody = FileBody.extend({ encoding: z.enum(['utf8', 'base64']).default('utf8').describe('of `content`') });
const Read = z.object({
  session: z.object({ title: z.string(), status: z.string(), createdAt: z.number() }),
  events: z.array(z.object({ seq: z.int(), ts: z.number(), type: z.string(), data: z.unknown() })),
  after: z.int(),
  head: z.int(),
  files: z.boolean(),
  expiresAt: z.number(),
});
const Files = z.object({
  entries: z.array(z.object({ name: z.string(), type: z.string(), size: z.number().nullable(), modified: z.string() })),
});
const Content = z.object({ path: z.string(), content: z.string() });
const bodyExample = { token: 'from-the-link' };
const readExample = {
  session: { title: 'Say hi', status: 'completed', createdAt: 1735689600000 },
  events: [],
  after: 20,
  head: 20,
  files: false,
  expiresAt: 1736294400000,
};
const anyone = { open: true, reads: true } as const;

export function mountSharedSessions(app: App, shared: SharedSessionService, page: () => Promise<PageFiles>): void {
  app.get(
    '/shared',
    describeRoute('sharedPage', 'The page that shows the session of a link', {
      schema: { response: { 200: assetReply('text/html') } },
      config: publicRouteConfig,
    }),
    (request, reply) => sendPageFile(request, reply, { name: 'shared.html', page }),
  );
  app.post(
    '/api/v1/shared',
    describeRoute('readShared', 'Read the messages and plans of a shared session', {
      schema: { body: ReadBody, response: { 200: okReply(Read, readExample) } },
      config: anyone,
      bodyExample,
      fails: [404, 422],
    }),
    async ({ body }) => {
      const { session, events, after, head, share } = await shared.read(body.token, body.after);
      const shown = events.map(({ seq, ts, type, data }) => ({ seq, ts, type, data }));
      return { session, events: shown, after, head, files: share.files, expiresAt: share.expiresAt };
    },
  );
  app.post(
    '/api/v1/shared/files',
    describeRoute('sharedFiles', 'List files of a shared session', {
      schema: { body: FileBody, response: { 200: okReply(Files, { entries: [] }) } },
      config: anyone,
      bodyExample,
      fails: [404, 422],
    }),
    async ({ body }, reply) => {
      const entries = await shared.listFiles(body.token, body.path, abortOnDisconnect(reply));
      return { entries: entries.map(({ name, type, size, modified }) => ({ name, type, size, modified })) };
    },
  );
  app.post(
    '/api/v1/shared/file',
    describeRoute('sharedFile', 'Read a file of a shared session', {
      schema: { body: ContentBody, response: { 200: okReply(Content, { path: 'a.txt', content: 'hi' }) } },
      config: anyone,
      bodyExample,
      fails: [404, 422],
    }),
    async ({ body: { token, path, encoding } }, reply) => {
      const bytes = await shared.readFile(token, path, abortOnDisconnect(reply));
      return { path, content: bytes.toString(encoding) };
    },
  );
}
