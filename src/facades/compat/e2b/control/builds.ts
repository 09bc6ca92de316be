import type { Readable } from 'node:stream';
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { AppError, ignoreNotFound } from '../../../../core/errors/errors.ts';
import type { BuildStep, BuiltTemplate, TemplateBuild } from '../../../../core/model/sandboxes/built-template.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../../../http/transport/abort-on-disconnect.ts';
import type { BuildPlan } from '../../../../sessions/api/server/template-builds.ts';
import { parseBuildUser } from '../../../../sessions/builds/plan.ts';
import type { FacadeDeps } from '../../../shared/facade.ts';
import { mountRawBodyRoutes } from '../../../shared/uploads.ts';
import { type E2bSettings, parseTemplateAliases } from '../settings.ts';
import type { SandboxTokenService } from '../tokens.ts';
import { rejectUnsupportedFields } from './network.ts';
import { badRequestError, parseRequestBody, parseUrlQuery, toIsoTime } from './parsed.ts';
import { SandboxParams } from './shapes.ts';

interface Deps {
  readonly parts: Pick<FacadeDeps, 'services' | 'acting' | 'clock'>;
  readonly tokens: Pick<SandboxTokenService, 'upload' | 'opensUpload'>;
  readonly settings: Pick<E2bSettings, 'maxUploadBytes' | 'templates'>;
}
/** Includes packing time, because clients request the URL before they pack the archive. */
const uploadSeconds = 3_600;
const tagForm = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/;
const Tags = z.array(z.string().regex(tagForm)).max(50);
const nameForm = /^[a-z0-9][a-z0-9_-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/;
const NewBuild = z.object({
  name: z.string().regex(nameForm, 'is like my-template or my-template:v1, in lower case'),
  tags: Tags.nullish(),
});
const Step = z.object({
  type: z.string().max(50),
  args: z.array(z.string().max(65_536)).max(1_000).default([]),
  filesHash: z.string().max(200).nullish(),
  force: z.boolean().nullish(),
});
const Start = z.object({
  fromImage: z.string().max(300).nullish(),
  fromTemplate: z.string().max(200).nullish(),
  steps: z.array(Step).max(1_000).default([]),
  force: z.boolean().nullish(),
  fromImageRegistry: z.unknown().optional(),
  startCmd: z.string().max(65_536).nullish(),
  readyCmd: z.string().max(65_536).nullish(),
});
const NewTags = z.object({ target: z.string().max(300), tags: Tags.min(1) });
const OldTags = z.object({ name: z.string().max(300), tags: Tags.min(1) });
const BuildParams = SandboxParams.extend({ build: z.string().max(100) });
const FileParams = SandboxParams.extend({ hash: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/) });
const maxEntries = 100;
const sid = { schema: { params: SandboxParams } } as const;
const ofBuild = { schema: { params: BuildParams } } as const;
const ofFiles = { schema: { params: FileParams } } as const;
const upload = { schema: { params: FileParams }, config: { open: true, upload: true } } as const;
const withBody = { schema: { body: z.unknown() } } as const;

export function mountBuilds(app: App, { parts, tokens, settings }: Deps): void {
  const { services, acting, clock } = parts;
  const builds = services.templateBuilds;
  type OfFiles = FastifyRequest<{ Params: z.output<typeof FileParams> }>;
  const uploadOf = ({ sid: id, hash }: OfFiles['params'], expires: string) => `${id}/${hash}/${expires}`;
  const receiving = (request: OfFiles) => {
    const searchParams = parseUrlQuery(request);
    const [value, expires = ''] = [searchParams.get('upload'), searchParams.get('expires') ?? ''];
    if (value === null && request.known) return builds;
    const maker = tokens.opensUpload(uploadOf(request.params, expires), value ?? undefined);
    if (!maker) throw new AppError('unauthorized', 'The address of the upload is not valid. Ask for another one.');
    if (Number(expires) * 1_000 > clock.now()) return acting(maker).services.templateBuilds;
    throw new AppError('unauthorized', 'The address of the upload has expired. Ask for another one.');
  };

  /** On an invalid plan, cancels the waiting build, which would otherwise count against the owner's limit. */
  const planOrEnd = async ({ sid: id, build }: z.output<typeof BuildParams>, read: () => BuildPlan) => {
    try {
      return read();
    } catch (thrown) {
      const found = await builds.build(id, build);
      if (found.status === 'waiting' && found.until === undefined) await builds.cancel(id, build);
      throw thrown;
    }
  };

  app.post('/e2b/v3/templates', withBody, async ({ body }, reply) => {
    const { name, tags } = parseRequestBody(NewBuild, body);
    const { template, build } = await builds.begin({ name, tags: tags ?? [] });
    reply.code(202);
    const names = [template.name];
    const ids = { templateID: template.id, buildID: build.id };
    return { ...ids, public: false, names, aliases: names, tags: build.tags };
  });

  app.get('/e2b/templates/:sid/files/:hash', ofFiles, async (request, reply) => {
    const { sid: id, hash } = request.params;
    const present = await builds.hasFiles(id, hash);
    // The SDKs send no key with an upload, so the URL itself grants access.
    const expires = String(Math.ceil(clock.now() / 1_000) + uploadSeconds);
    const token = tokens.upload(uploadOf(request.params, expires), request.principal);
    reply.code(201);
    const query = new URLSearchParams({ expires, upload: token });
    return { present, url: `${originOf(request)}/e2b/templates/${id}/files/${hash}?${query}` };
  });
  mountRawBodyRoutes(app, (scope) => {
    scope.put('/e2b/templates/:sid/files/:hash', upload, async (request, reply) => {
      const allowed = receiving(request);
      const content = request.body as Readable;
      const options = { maxBytes: settings.maxUploadBytes, signal: abortOnDisconnect(reply) };
      await allowed.putFiles(request.params.sid, request.params.hash, content, options);
      return reply.code(200).send();
    });
  });

  app.post(
    '/e2b/v2/templates/:sid/builds/:build',
    { schema: { params: BuildParams, body: z.unknown() } },
    async ({ params, body }, reply) => {
      const plan = await planOrEnd(params, () => toPlan(parseRequestBody(Start, body), settings));
      await builds.start(params.sid, params.build, plan);
      return reply.code(202).send();
    },
  );
  app.get('/e2b/templates/:sid/builds/:build/status', ofBuild, async ({ params, url }) => {
    const offset = Number(parseUrlQuery({ url }).get('logsOffset') ?? 0);
    if (!Number.isInteger(offset) || offset < 0) throw badRequestError('logsOffset is a whole number.');
    // Read before the log, because clients stop polling when the build has ended.
    const build = await builds.build(params.sid, params.build);
    const { entries } = await builds.log(params.sid, params.build, { offset, limit: maxEntries });
    return statusView(build, entries.map(entryView));
  });
  app.get('/e2b/templates/:sid/builds/:build/logs', ofBuild, async ({ params }) => {
    const { entries } = await builds.log(params.sid, params.build, { offset: 0, limit: Number.MAX_SAFE_INTEGER });
    return { logs: entries.map(entryView) };
  });

  app.post('/e2b/templates/tags', withBody, async ({ body }, reply) => {
    const { target, tags } = parseRequestBody(NewTags, body);
    const template = await builds.find(target);
    const tagged = await builds.tag(template.id, target.split(':')[1] ?? 'default', tags);
    reply.code(201);
    return { buildID: tagged.tags[tags[0] as string]?.build, tags };
  });
  app.delete('/e2b/templates/tags', withBody, async ({ body }, reply) => {
    const { name, tags } = parseRequestBody(OldTags, body);
    const template = await builds.find(name);
    await builds.untag(template.id, tags);
    return reply.code(204).send();
  });
  app.get('/e2b/templates/:sid/tags', sid, async ({ params }) => {
    const { tags } = await builds.find(params.sid);
    return Object.entries(tags).map(([tag, { build, at }]) => ({ tag, buildID: build, createdAt: toIsoTime(at) }));
  });

  app.delete('/e2b/templates/:sid', sid, async ({ params }, reply) => {
    const built = await builds.find(params.sid).catch(ignoreNotFound);
    if (built) await builds.remove(built.id);
    else {
      const { id } = await services.snapshots.find(params.sid);
      await services.snapshots.remove(id);
    }
    return reply.code(204).send();
  });
}

export function toBuiltTemplateView({ id, name, tags, at }: BuiltTemplate) {
  const newest = Object.values(tags).sort((a, b) => b.at - a.at)[0];
  return {
    templateID: id,
    buildID: newest?.build ?? '00000000-0000-0000-0000-000000000000',
    names: [name],
    aliases: [name],
    buildStatus: newest ? 'ready' : 'building',
    buildCount: new Set(Object.values(tags).map(({ build }) => build)).size,
    createdAt: toIsoTime(at),
    updatedAt: toIsoTime(newest?.at ?? at),
  };
}

const publicImages: Readonly<Record<string, string>> = {
  base: 'e2bdev/base',
  'code-interpreter-v1': 'e2bdev/code-interpreter',
};
function resolveBase(name: string, settings: Pick<E2bSettings, 'templates'>): BuildPlan['base'] {
  const [bare = ''] = name.split(':');
  const image = Object.hasOwn(publicImages, bare) ? publicImages[bare] : undefined;
  return image !== undefined && parseTemplateAliases(settings).has(bare) ? { image } : { template: name };
}

function toPlan(
  { fromImage, fromTemplate, steps, force, ...others }: z.output<typeof Start>,
  settings: Pick<E2bSettings, 'templates'>,
): BuildPlan {
  const { startCmd, readyCmd, fromImageRegistry } = others;
  rejectUnsupportedFields({ fromImageRegistry }, ['fromImageRegistry']);
  if (!fromImage === !fromTemplate) throw badRequestError('A build needs fromImage or fromTemplate, and not both.');
  const forced = steps.findIndex((step) => step.force === true);
  const freshFrom = force ? 0 : forced < 0 ? undefined : forced;
  const base = fromImage ? { image: fromImage } : resolveBase(fromTemplate as string, settings);
  const start = toStart(startCmd ?? '', readyCmd ?? '');
  return { base, steps: steps.map(toStep), ...(freshFrom !== undefined && { freshFrom }), ...(start && { start }) };
}

/** The SDKs wait for a port with `ss`, which the images lack. */
const portWait = /^\[ -n "\$\(ss -Htuln sport = :(\d{1,5})\)" \]$/;
function toStart(command: string, readyCommand: string): BuildPlan['start'] {
  if (command === '' && readyCommand === '') return undefined;
  const [, port] = portWait.exec(readyCommand) ?? [];
  if (port !== undefined && (Number(port) < 1 || Number(port) > 65_535))
    throw badRequestError(`There is no port ${port}.`);
  const ready = port === undefined ? { command: readyCommand } : { port: Number(port) };
  return { ...(command !== '' && { command }), ...(readyCommand !== '' && { ready }) };
}

function toStep({ type, args, filesHash }: z.output<typeof Step>, index: number): BuildStep {
  const [first = '', second = '', third = '', fourth = ''] = args;
  const wrong = (why: string) => badRequestError(`Step ${index + 1} (${type}): ${why}`);
  if (type === 'ENV' && args.length % 2 === 1) throw wrong('a variable has no value.');
  if (type !== 'ENV' && first === '') throw wrong('it has no argument.');
  switch (type) {
    case 'RUN':
      if (second !== '' && !isUser(second)) {
        // E2B clients look for this exact text.
        const failure = `failed to run command '${first}': command failed: unauthenticated: invalid username: '${second}'`;
        throw wrong(`${failure}. Images of sandboxes have root and user.`);
      }
      return { type, command: first, ...(second !== '' && { user: second }) };
    case 'COPY': {
      if (second === '' || !filesHash) throw wrong('it needs a source, a target and filesHash.');
      const more = { ...(third !== '' && { user: third }), ...(fourth !== '' && { mode: fourth }) };
      return { type, from: first, to: second, files: filesHash, ...more };
    }
    case 'ENV': {
      const pairs = args.flatMap((name, at) => (at % 2 === 0 ? [[name, args[at + 1] ?? ''] as [string, string]] : []));
      return { type, pairs };
    }
    case 'WORKDIR':
      return { type, path: first };
    case 'USER':
      return { type, user: first };
    default:
      throw wrong('templates have RUN, COPY, ENV, WORKDIR and USER.');
  }
}

function isUser(name: string): boolean {
  try {
    return parseBuildUser(name) !== undefined;
  } catch {
    return false;
  }
}

interface LogEntry {
  readonly at: number;
  readonly level: string;
  readonly text: string;
  readonly step?: string | undefined;
}
const entryView = ({ at, level, text, step }: LogEntry) => ({
  timestamp: toIsoTime(at),
  level,
  message: text,
  ...(step !== undefined && { step }),
});

function statusView(build: TemplateBuild, logEntries: readonly ReturnType<typeof entryView>[]) {
  const { id, templateId, status, reason } = build;
  return {
    templateID: templateId,
    buildID: id,
    status,
    logEntries,
    logs: logEntries.map(({ message }) => message),
    ...(reason && { reason: { ...reason, logEntries: [] } }),
  };
}

const originOf = (request: FastifyRequest) => `${request.client.scheme}://${request.host}`;
