import { posix } from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';
import type { SessionRecord } from '../../../../core/model/records.ts';
import { type MountRequest, type Volume, VolumeName } from '../../../../core/model/sandboxes/volume.ts';
import { trimEndCharacters } from '../../../../core/text/text.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { VolumeEntry, VolumeService } from '../../../../sessions/api/server/volumes.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import { mountRawBodyRoutes, readBodyChunks } from '../../../shared/uploads.ts';
import { readHeader, volumeTokenHeader } from '../target.ts';
import type { SandboxTokenService } from '../tokens.ts';
import { parseRequestBody, parseUrlQuery, toIsoTime } from './parsed.ts';
import type { NewSandbox } from './shapes.ts';

interface Deps {
  readonly parts: Pick<FacadeDeps, 'services' | 'acting'>;
  readonly tokens: Pick<SandboxTokenService, 'volume' | 'opensVolume'>;
}
const maxDepth = 64;
const octal = (input: unknown) => (input === undefined || input === '' ? undefined : Number(input));
const NewVolume = z.object({ name: VolumeName });
const Params = z.object({ volume: z.string().max(100) });
const Path = z.string().min(1).max(4_096);
const Mode = z.preprocess(octal, z.int().min(0).max(0o777).optional());
/** Refused if set, because files belong to the sandbox user that writes them. */
const owner = { uid: z.unknown().optional(), gid: z.unknown().optional() };
const AtPath = z.object({ path: Path });
const Listing = AtPath.extend({ depth: z.coerce.number().int().min(1).max(maxDepth).default(1) });
const Making = AtPath.extend({ mode: Mode, force: z.enum(['true', 'false']).optional(), ...owner });
const Metadata = z.object({ mode: Mode, ...owner });
const ofVolume = { schema: { params: Params } } as const;
const content = { schema: { params: Params }, config: { open: true } } as const;
const upload = { schema: { params: Params }, config: { open: true, upload: true } } as const;

const entryView = ({ path, type, size, mode, uid, gid, target, ...times }: VolumeEntry) => ({
  name: posix.basename(`/${path}`) || '/',
  path: `/${path}`,
  type,
  size,
  mode,
  uid,
  gid,
  atime: toIsoTime(times.accessedAt),
  mtime: toIsoTime(times.modifiedAt),
  ctime: toIsoTime(times.changedAt),
  ...(target !== undefined && { target }),
});

export function mountVolumeRoutes(app: App, { parts, tokens }: Deps): void {
  const { volumes } = parts.services;
  const withToken = ({ id, name }: Volume, { principal }: FastifyRequest) => ({
    volumeID: id,
    name,
    token: tokens.volume(id, principal),
  });
  app.get('/e2b/volumes', async () => (await volumes.list()).map(({ id, name }) => ({ volumeID: id, name })));
  app.post('/e2b/volumes', { schema: { body: z.unknown() } }, async (request, reply) => {
    const { name } = parseRequestBody(NewVolume, request.body);
    const created = await volumes.create({ name, signal: abortOnDisconnect(reply) });
    return reply.code(201).send(withToken(created, request));
  });
  app.get('/e2b/volumes/:volume', ofVolume, async (request) => {
    const found = await volumes.get(request.params.volume);
    // The token grants access to the content, not only to the record.
    await volumes.admits(found.id);
    return withToken(found, request);
  });
  app.delete('/e2b/volumes/:volume', ofVolume, async ({ params }, reply) => {
    await volumes.remove(params.volume, abortOnDisconnect(reply));
    return reply.code(204).send();
  });
  mountContent(app, { parts, tokens });
}

type OfVolume = FastifyRequest<{ Params: z.output<typeof Params> }>;

function mountContent(app: App, { parts, tokens }: Deps): void {
  /** Acts for the caller who created this volume's token. Throws: unauthorized. */
  const opened = (request: OfVolume, reply: FastifyReply) => {
    const id = request.params.volume;
    const maker = tokens.opensVolume(id, readHeader(request.headers, volumeTokenHeader));
    if (!maker) throw new AppError('unauthorized', 'The token of the volume is missing or wrong. Connect to it again.');
    const { volumes } = parts.acting(maker).services;
    return { id, volumes, signal: abortOnDisconnect(reply) };
  };
  const parseQuery = <Shape extends z.ZodType>(shape: Shape, request: FastifyRequest) =>
    parseRequestBody(shape, Object.fromEntries(parseUrlQuery(request)));

  app.get('/e2b/volumecontent/:volume/dir', content, async (request, reply) => {
    const { id, volumes, signal } = opened(request, reply);
    const { path, depth } = parseQuery(Listing, request);
    return (await volumes.entries(id, path, depth, signal)).map(entryView);
  });
  app.post('/e2b/volumecontent/:volume/dir', content, async (request, reply) => {
    const { id, volumes, signal } = opened(request, reply);
    const { path, mode, force, ...ids } = parseQuery(Making, request);
    refuseOwner(ids);
    const volumeEntry = await volumes.makeFolder(id, path, { parents: force === 'true', mode }, signal);
    return reply.code(201).send(entryView(volumeEntry));
  });
  app.get('/e2b/volumecontent/:volume/path', content, async (request, reply) => {
    const { id, volumes, signal } = opened(request, reply);
    const { path } = parseQuery(AtPath, request);
    return entryView(await volumes.stat(id, path, signal));
  });
  const withBody = { ...content, schema: { params: Params, body: z.unknown() } } as const;
  app.patch('/e2b/volumecontent/:volume/path', withBody, async (request, reply) => {
    const { id, volumes, signal } = opened(request, reply);
    const { path } = parseQuery(AtPath, request);
    const { mode, ...ids } = parseRequestBody(Metadata, request.body ?? {});
    refuseOwner(ids);
    return entryView(await changed(volumes, { id, path, mode }, signal));
  });
  app.delete('/e2b/volumecontent/:volume/path', content, async (request, reply) => {
    const { id, volumes, signal } = opened(request, reply);
    const { path } = parseQuery(AtPath, request);
    await volumes.removeFile(id, path, signal);
    return reply.code(204).send();
  });
  app.get(
    '/e2b/volumecontent/:volume/file',
    { ...content, config: { open: true, stream: true } },
    async (request, reply) => {
      const { id, volumes, signal } = opened(request, reply);
      const { path } = parseQuery(AtPath, request);
      const file = await volumes.readFile(id, path, signal);
      reply.header('content-type', 'application/octet-stream').header('content-length', file.size);
      return reply.header('cache-control', 'no-store').send(file.content);
    },
  );
  mountRawBodyRoutes(app, (scope) => {
    scope.put('/e2b/volumecontent/:volume/file', upload, async (request, reply) => {
      const { id, volumes, signal } = opened(request, reply);
      const { path, mode, ...ids } = parseQuery(Making, request);
      refuseOwner(ids);
      await volumes.writeFile(id, path, readBodyChunks(request.body), signal);
      return reply.code(201).send(entryView(await changed(volumes, { id, path, mode }, signal)));
    });
  });
}

interface EntryChange {
  readonly id: string;
  readonly path: string;
  readonly mode: number | undefined;
}
const changed = (volumes: VolumeService, { id, path, mode }: EntryChange, signal: AbortSignal): Promise<VolumeEntry> =>
  mode === undefined ? volumes.stat(id, path, signal) : volumes.changeMode(id, path, mode, signal);

function refuseOwner({ uid, gid }: { readonly uid?: unknown; readonly gid?: unknown }): void {
  const [named] = [uid !== undefined && uid !== '' ? 'uid' : [], gid !== undefined && gid !== '' ? 'gid' : []].flat();
  if (named === undefined) return;
  const why = 'all files of a volume belong to the user of the sandbox that writes to it';
  throw new AppError('unsupported', `${named} cannot be set: ${why}. Leave it out.`);
}

export function toMountRequests(input: NewSandbox['volumeMounts']): readonly MountRequest[] | undefined {
  if (!input?.length) return undefined;
  return input.map(({ name, path }) => {
    const [, volume = name, mode] = /^(.+):(read)$/.exec(name) ?? [];
    return {
      volume,
      path: path.length > 1 ? trimEndCharacters(path, '/') : path,
      access: mode === 'read' ? 'read' : 'write',
    };
  });
}

export async function readVolumeMountsView(
  { sandbox }: Pick<SessionRecord, 'sandbox'>,
  { volumes }: Pick<Services, 'volumes'>,
): Promise<readonly { readonly name: string; readonly path: string }[]> {
  return await Promise.all(
    (sandbox?.volumes ?? []).map(async ({ volume, path, access }) => {
      const { name } = await volumes.get(volume).catch(() => ({ name: volume }));
      return { name: access === 'read' ? `${name}:read` : name, path };
    }),
  );
}
