import { z } from 'zod';
import type { PreviewView } from '../../sessions/api/ports.ts';
import type { TrpcContext } from '../procedure/context.ts';
import { defineOperations, router } from '../procedure/procedure.ts';
import { awaitOkResult, IsoTime, okOperationFields, sessionTarget } from '../procedure/schemas.ts';

const Port = z.object({
  port: z.int(),
  pid: z.int().optional().describe('the process that listens'),
  command: z.string().optional().describe('its command line'),
});
const folder = z
  .string()
  .max(4_096)
  .optional()
  .describe('with `files`: only the files of this folder and of those below it; default: all');
const PreviewRequest = z.object({
  of: z.union([z.int().min(1).max(65_535), z.literal('files')]).describe('a port, or `files`'),
  folder,
  minutes: z.int().min(1).max(525_600).optional().describe('until it expires; default: 8 hours'),
});
const Preview = z.object({
  id: z.string(),
  of: z.union([z.int(), z.literal('files')]).describe('a port, or the files of the workspace'),
  folder,
  url: z.string().describe('for browsers; a path of this server if no host name of the sandbox is known to resolve'),
  path: z.string().describe('a path of this server, for programs; pages under it are sandboxed'),
  createdAt: IsoTime,
  expiresAt: IsoTime,
});
const example = {
  id: '0123456789ab',
  of: 3000,
  url: 'http://3000-0123456789abcdef.localhost:8000/?corral_preview=0123456789ab.secret',
  path: '/previews/3000-0123456789abcdef/0123456789ab.secret/',
  createdAt: '2026-01-01T00:00:00.000Z',
  expiresAt: '2026-01-01T08:00:00.000Z',
};
const toPreview = async (
  { previews, reached }: TrpcContext,
  id: z.output<typeof sessionTarget>['sessionId'],
  view: PreviewView,
) => ({
  ...view,
  ...(await previews.createAddress(id, view, reached)),
});

const operation = defineOperations({ tag: 'Previews', prefix: 'previews', style: 'session' });
const base = '/api/v1/sessions/:sid=sessionId';

export const portsRouter = router({
  list: operation({
    rest: `GET ${base}/ports`,
    id: 'Ports',
    summary: 'List the ports on which programs in the sandbox listen; starts nothing',
    may: 'read',
    in: sessionTarget,
    out: z.array(Port).readonly(),
    answer: [{ port: 3000 }],
    reply: { schema: z.object({ ports: z.array(Port) }), value: (ports) => ({ ports }) },
  }).query(({ ctx, input }) => ctx.services.ports.list(input.sessionId, ctx.signal)),
  open: operation({
    rest: `POST ${base}/previews`,
    summary: 'Open a preview of a port, or of the files, under a secret address that expires',
    may: 'work',
    in: sessionTarget.extend(PreviewRequest.shape),
    body: PreviewRequest,
    out: Preview,
    example: { of: 3000, minutes: 60 },
    answer: example,
    fails: [404, 409, 422],
  }).mutation(async ({ ctx, input: { sessionId, of, folder, minutes } }) => {
    const lifeMs = ctx.previews.lifeMs(minutes);
    return await toPreview(ctx, sessionId, await ctx.services.ports.open(sessionId, { of, folder, lifeMs }));
  }),
  opened: operation({
    rest: `GET ${base}/previews`,
    id: 'List',
    summary: 'List the open previews with their addresses',
    may: 'work',
    in: sessionTarget,
    out: z.array(Preview),
    answer: [example],
    reply: { schema: z.object({ previews: z.array(Preview) }), value: (previews) => ({ previews }) },
  }).query(async ({ ctx, input: { sessionId } }) => {
    const all = await ctx.services.ports.opened(sessionId);
    return await Promise.all(all.map((view) => toPreview(ctx, sessionId, view)));
  }),
  close: operation({
    rest: `DELETE ${base}/previews/:preview=id`,
    summary: 'Close a preview: its address and its connections end',
    may: 'work',
    in: sessionTarget.extend({ id: z.string().max(100) }),
    ...okOperationFields,
    reply: { schema: z.null(), value: () => null },
  }).mutation(({ ctx, input: { sessionId, id } }) => awaitOkResult(ctx.services.ports.close(sessionId, id))),
});
