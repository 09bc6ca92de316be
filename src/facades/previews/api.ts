import { z } from 'zod';
import type { RequestAddress } from '../../api/procedure/preview-links.ts';
import { toSessionId } from '../../api/procedure/session-id.ts';
import type { SessionId } from '../../core/model/ids.ts';
import { describeFailures } from '../../http/errors/failure-docs.ts';
import { createRouteDescriber } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { PreviewView } from '../../sessions/api/ports.ts';
import { envelopeReply, envelopeStyle, toSuccessEnvelope } from '../shared/envelope.ts';
import type { FacadeParts } from '../shared/facade.ts';

const about = createRouteDescriber({ tag: 'Previews', prefix: 'previews', failures: describeFailures(envelopeStyle) });
const base = '/api/v1/sessions/:sid';
const Params = z.object({ sid: z.string().describe('the session') });
const Port = z.object({
  port: z.int(),
  pid: z.int().optional().describe('the process that listens'),
  command: z.string().optional().describe('its command line'),
});
const Folder = z
  .string()
  .max(4_096)
  .optional()
  .describe('with `files`: only the files of this folder and of those below it; default: all');
const Preview = z.object({
  id: z.string(),
  of: z.union([z.int(), z.literal('files')]).describe('a port, or the files of the workspace'),
  folder: Folder,
  url: z.string().describe('for browsers; a path of this server where no name of the sandbox is known to resolve'),
  path: z.string().describe('a path of this server, for programs; pages under it are sandboxed'),
  createdAt: z.iso.datetime(),
  expiresAt: z.iso.datetime(),
});
const example = {
  id: '0123456789ab',
  of: 3000,
  url: 'http://3000-0123456789abcdef.localhost:8000/?corral_preview=0123456789ab.secret',
  path: '/previews/3000-0123456789abcdef/0123456789ab.secret/',
  createdAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T08:00:00.000Z',
};

interface ApiDeps extends Pick<FacadeParts, 'acting'> {
  readonly links: FacadeParts['previews'];
}

export function mountApi(app: App, { acting, links }: ApiDeps): void {
  const PreviewRequest = z.object({
    of: z.union([z.int().min(1).max(65_535), z.literal('files')]).describe('a port, or `files`'),
    folder: Folder,
    minutes: z.int().min(1).max(525_600).optional().describe('until it expires; default: 8 hours'),
  });
  const shown = async (id: SessionId, view: PreviewView, reached: RequestAddress) => ({
    id: view.id,
    of: view.of,
    ...(view.folder !== undefined && { folder: view.folder }),
    ...(await links.createAddress(id, view, reached)),
    createdAt: new Date(view.createdAt).toISOString(),
    expiresAt: new Date(view.expiresAt).toISOString(),
  });

  app.get(
    `${base}/ports`,
    about('Ports', 'List the ports on which programs in the sandbox listen; starts nothing', {
      schema: {
        params: Params,
        response: { 200: envelopeReply(z.object({ ports: z.array(Port) }), { ports: [{ port: 3000 }] }) },
      },
      fails: [404],
    }),
    async ({ params, principal }, reply) => {
      const { ports } = acting(principal).services;
      return toSuccessEnvelope({ ports: [...(await ports.list(toSessionId(params.sid), abortOnDisconnect(reply)))] });
    },
  );
  app.get(
    `${base}/previews`,
    about('List', 'List the open previews with their addresses', {
      schema: {
        params: Params,
        response: { 200: envelopeReply(z.object({ previews: z.array(Preview) }), { previews: [example] }) },
      },
      fails: [404],
    }),
    async ({ params, principal, headers: { host }, client: { scheme } }) => {
      const id = toSessionId(params.sid);
      const all = await acting(principal).services.ports.opened(id);
      return toSuccessEnvelope({ previews: await Promise.all(all.map((view) => shown(id, view, { host, scheme }))) });
    },
  );
  app.post(
    `${base}/previews`,
    about('Open', 'Open a preview of a port, or of the files, under a secret address that expires', {
      schema: { params: Params, body: PreviewRequest, response: { 200: envelopeReply(Preview, example) } },
      bodyExample: { of: 3000, minutes: 60 },
      fails: [404, 409, 422],
    }),
    async ({ params, body: { of, folder, minutes }, principal, headers: { host }, client: { scheme } }) => {
      const id = toSessionId(params.sid);
      const view = await acting(principal).services.ports.open(id, { of, folder, lifeMs: links.lifeMs(minutes) });
      return toSuccessEnvelope(await shown(id, view, { host, scheme }));
    },
  );
  app.delete(
    `${base}/previews/:preview`,
    about('Close', 'Close a preview: its address and its connections end', {
      schema: {
        params: Params.extend({ preview: z.string().max(100) }),
        response: { 200: envelopeReply(z.null(), null) },
      },
      fails: [404],
    }),
    async ({ params: { sid, preview }, principal }) => {
      await acting(principal).services.ports.close(toSessionId(sid), preview);
      return toSuccessEnvelope(null);
    },
  );
}
