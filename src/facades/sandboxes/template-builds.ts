import type { Readable } from 'node:stream';
import { z } from 'zod';
import {
  Begun,
  BuildInput,
  BuildStatus,
  BuildView,
  Built,
  buildStatus,
  buildView,
  builtView,
  FileHash,
  NewBuild,
  toBuildPlan,
} from '../../api/views/template-builds.ts';
import { detailFailures } from '../../http/errors/failure-docs.ts';
import { describing, ok } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { abortOnDisconnect } from '../../http/transport/abort-on-disconnect.ts';
import type { FacadeParts } from '../shared/facade.ts';
import { withBodyStreams } from '../shared/uploads.ts';

/** One COPY has one archive. CORRAL_BUILDS_OWNER_FILE_BYTES limits all uploads of an owner. */
const maxArchiveBytes = 2 ** 30;
const path = '/api/v1/built-templates';
const template = z.object({ id: z.string().max(100).describe('the template') });
const ofBuild = template.extend({ build: z.string().max(100).describe('the build') });
const Deleted = z.object({ id: z.string() });
const Files = z.object({ hash: z.string() });
const hash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';
const at = '2026-11-24T12:00:00.000Z';
const build = {
  id: '6d1c2b3a-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  templateId: 'tpl-0123456789abcdef',
  tags: ['default'],
  status: 'waiting' as const,
  createdAt: at,
  reason: null,
};
const example = {
  id: build.templateId,
  name: 'my-tools',
  createdAt: at,
  tags: [{ tag: 'default', build: build.id, at }],
};
const about = describing({ tag: 'Sandboxes', prefix: 'builtTemplates', failures: detailFailures });

/** Templates that people build of a Dockerfile or of steps. */
export function mountTemplateBuilds(app: App, acting: FacadeParts['acting']): void {
  app.get(
    path,
    {
      schema: { response: { 200: ok(Built.array(), [example]) } },
      config: { doc: about('List', 'List the templates that you built') },
    },
    async ({ principal }) => (await acting(principal).services.templateBuilds.list()).map(builtView),
  );
  app.post(
    path,
    {
      schema: { body: NewBuild, response: { 200: ok(Begun, { template: { ...example, tags: [] }, build }) } },
      config: {
        doc: about('Begin', 'Begin a build; the template is made if it is new', {
          description: 'Upload the files of its COPY steps next, and then start it. It waits for that at most an hour.',
          bodyExample: { name: 'my-tools:v1', tags: ['default'] },
          fails: [400, 409, 422, 429, 501],
        }),
      },
    },
    async ({ body, principal }) => {
      const begun = await acting(principal).services.templateBuilds.begin(body);
      return { template: builtView(begun.template), build: buildView(begun.build) };
    },
  );
  withBodyStreams(app, (scope) => {
    scope.put(
      `${path}/:id/files/:hash`,
      {
        schema: {
          params: template.extend({ hash: FileHash.describe('any name of its content; steps name the files by it') }),
          response: { 200: ok(Files, { hash }) },
        },
        config: {
          doc: about('Upload', 'Upload the files of a COPY step as a tar archive, plain or with gzip', {
            description: 'They are kept for a day, for all builds of the same owner.',
            requestContent: { 'application/octet-stream': z.string().meta({ format: 'binary' }) },
            fails: [404, 413, 422, 429],
          }),
          upload: true,
        },
      },
      async (request, reply) => {
        const { id, hash: named } = request.params;
        const options = { maxBytes: maxArchiveBytes, signal: abortOnDisconnect(reply) };
        const { templateBuilds } = acting(request.principal).services;
        await templateBuilds.putFiles(id, named, request.body as Readable, options);
        return { hash: named };
      },
    );
  });
  app.post(
    `${path}/:id/builds/:build`,
    {
      schema: { params: ofBuild, body: BuildInput, response: { 200: ok(BuildView, build) } },
      config: {
        doc: about('Start', 'Start a build, of a Dockerfile or of steps', {
          bodyExample: { dockerfile: 'FROM corral/sandbox\nRUN pip install six\n' },
          fails: [400, 404, 409, 422],
        }),
      },
    },
    async ({ params, body, principal }) =>
      buildView(await acting(principal).services.templateBuilds.start(params.id, params.build, toBuildPlan(body))),
  );
  app.get(
    `${path}/:id/builds/:build`,
    {
      schema: {
        params: ofBuild,
        querystring: z.object({
          offset: z.coerce.number().int().min(0).default(0).describe('the entries that you have'),
        }),
        response: { 200: ok(BuildStatus, { build: { ...build, status: 'ready' as const }, log: [] }) },
      },
      config: {
        doc: about('Status', 'The state of a build, and its log from an entry on', { fails: [404, 422] }),
      },
    },
    async ({ params, query: { offset }, principal }) =>
      await buildStatus(acting(principal).services.templateBuilds, {
        templateId: params.id,
        buildId: params.build,
        offset,
      }),
  );
  app.delete(
    `${path}/:id`,
    {
      schema: { params: template, response: { 200: ok(Deleted, { id: example.id }) } },
      config: { doc: about('Delete', 'Delete a template that you built, and stop its builds', { fails: [404] }) },
    },
    async ({ params: { id }, principal }) => {
      await acting(principal).services.templateBuilds.remove(id);
      return { id };
    },
  );
}
