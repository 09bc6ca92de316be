import { z } from 'zod';
import { ModelRef } from '../../agents/models/model-ref.ts';
import { omitUndefined } from '../../api/procedure/schemas.ts';
import { AutomationId, HookDeliveryResult } from '../../api/views/automations.ts';
import { BoxName, boxOptionFields, toSessionOptions } from '../../api/views/session-options.ts';
import type { SessionRecord } from '../../core/model/records.ts';
import { describeDetailFailures } from '../../http/errors/failure-docs.ts';
import { createRouteDescriber, okReply } from '../../http/routes/route-docs.ts';
import type { App } from '../../http/routes/routes.ts';
import { defineFacade, type FacadeDeps } from '../shared/facade.ts';
import { createRestRoutes } from '../shared/rest.ts';
import { mountBuildFiles, mountRepositoryPatch, mountSkillDownload, mountSnapshotArchives } from './archives.ts';
import { mountVolumeContent } from './volume-content.ts';

const about = createRouteDescriber({ tag: 'Automations', prefix: 'automations', failures: describeDetailFailures });
const maxDeliveryBytes = 1_048_576;

/** The route requires no key: each delivery is authenticated by its signature. */
function mountHooks(app: App, { services }: Pick<FacadeDeps, 'services'>): void {
  app.post(
    '/api/v1/hooks/:id',
    {
      ...about('Deliver', 'Deliver an event of GitHub, GitLab, Gitea, Forgejo or another program, signed', {
        schema: {
          params: z.object({ id: AutomationId }),
          response: { 200: okReply(HookDeliveryResult, { started: true, text: 'The automation starts.' }) },
        },
        config: { open: true },
        description: 'The signature of the delivery is its only credential. Each delivery starts the automation once.',
        fails: [400, 404, 413, 429],
      }),
      bodyLimit: maxDeliveryBytes,
    },
    async ({ params, headers, rawBody = Buffer.alloc(0) }) => {
      const values = Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]);
      return await services.automations.receive(params.id, { headers: Object.fromEntries(values), body: rawBody });
    },
  );
}

const one = z.object({ name: BoxName });
const NewBox = z.strictObject({
  title: z.string().max(255).optional(),
  template: z.string().max(80).optional(),
  model: ModelRef.optional(),
  snapshot: z.string().max(130).optional().describe('the id or name of the snapshot whose files it begins with'),
  ...boxOptionFields,
});
const Box = z.object({
  name: z.string(),
  sessionId: z.string(),
  template: z.string(),
  createdAt: z.iso.datetime(),
});
const Opened = Box.extend({ isNew: z.boolean().describe('whether this call created it') });
const example = {
  name: 'build-cache',
  sessionId: '0123456789abcdef',
  template: 'default',
  createdAt: '2026-11-24T12:00:00.000Z',
};
const describeBoxRoute = createRouteDescriber({ tag: 'Sandboxes', prefix: 'boxes', failures: describeDetailFailures });
const boxView = ({ id, template, createdAt }: SessionRecord, name: string): z.input<typeof Box> => ({
  name,
  sessionId: id,
  template,
  createdAt: new Date(createdAt).toISOString(),
});
const path = '/api/v1/boxes/:name';

function mountBoxes(app: App, { acting }: Pick<FacadeDeps, 'acting'>): void {
  app.get(
    path,
    describeBoxRoute('Get', 'The session of this name; starts nothing', {
      schema: { params: one, response: { 200: okReply(Box, example) } },
      fails: [400, 404],
    }),
    async ({ params: { name }, principal }) => boxView(await acting(principal).services.sessions.byName(name), name),
  );
  app.put(
    path,
    describeBoxRoute('Open', 'Resume the session of this name, or create it', {
      schema: { params: one, body: NewBox, response: { 200: okReply(Opened, { ...example, isNew: false }) } },
      description:
        'Its sandbox starts or resumes in the background. The body is used only if there is no session of this name yet. ' +
        'Two calls at the same time get the same session.',
      bodyExample: { template: 'default' },
      fails: [400, 404, 409, 503],
    }),
    async ({ params: { name }, body, principal }) => {
      const { title, template, model, snapshot, ...options } = body;
      const { session, isNew } = await acting(principal).services.sessions.named({
        name,
        origin: 'sandboxes',
        ...omitUndefined({ title, template, model, snapshot }),
        ...toSessionOptions(options),
      });
      return { ...boxView(session, name), isNew };
    },
  );
  app.patch(
    path,
    describeBoxRoute('Rename', 'Rename the session of this name', {
      schema: {
        params: one,
        body: z.strictObject({ name: BoxName.describe('the new name, free among those of its owner') }),
        response: { 200: okReply(Box, { ...example, name: 'old-cache' }) },
      },
      bodyExample: { name: 'old-cache' },
      fails: [400, 404, 409],
    }),
    async ({ params, body: { name }, principal }) => {
      const { sessions } = acting(principal).services;
      const { id } = await sessions.byName(params.name);
      return boxView(await sessions.update(id, { name }), name);
    },
  );
  app.delete(
    path,
    describeBoxRoute('Free', 'Remove the name from its session, which is kept', {
      schema: {
        params: one,
        response: { 200: okReply(z.object({ sessionId: z.string() }), { sessionId: example.sessionId }) },
      },
      fails: [400, 404],
    }),
    async ({ params: { name }, principal }) => {
      const { sessions } = acting(principal).services;
      const { id } = await sessions.byName(name);
      await sessions.update(id, { name: null });
      return { sessionId: id };
    },
  );
}

interface Section {
  readonly audience: string;
  /** Default: the tag's path below `/api/v1`. */
  readonly paths?: readonly string[];
  /** Default: the section's reference page, and `/docs`. */
  readonly documents?: string;
  readonly byHand?: readonly ((app: App, parts: FacadeDeps) => void)[];
}

function section(tag: string, { audience, paths, documents, byHand = [] }: Section) {
  const page = tag.toLowerCase();
  return defineFacade({
    label: page,
    audience,
    tag,
    paths: paths ?? [`/api/v1/${page}`],
    documents: documents ?? `[${page}](${page}.md), \`/docs\``,
    routes: async (parts) => [
      createRestRoutes(parts, tag),
      ...byHand.map((mount) => ({ mount: (app: App) => mount(app, parts) })),
    ],
  });
}
const ofSession = (...names: string[]) => names.map((name) => `/api/v1/sessions/{id}/${name}`);

export const restFacades = {
  desktop: section('Desktop', {
    audience: "pages that show a session's desktop: its state, and who has the keyboard and mouse",
    paths: ofSession('desktop'),
    documents: '`/docs`, `/redoc`',
  }),
  repositories: section('Repositories', {
    audience: 'programs that bring a session from a repository to a pull request',
    paths: ofSession('repositories', 'checkpoints', 'pull-requests'),
    documents: '[repositories](repositories.md), [forges](forges.md), `/docs`',
    byHand: [mountRepositoryPatch],
  }),
  sandboxes: section('Sandboxes', {
    audience: 'programs that pause, resume and copy the sandbox of a session, and ask first what a pause keeps',
    paths: [...ofSession('sandbox'), '/api/v1/snapshots', '/api/v1/boxes', '/api/v1/built-templates'],
    documents: '[pause and resume](how-to/pause.md), `/docs`',
    byHand: [mountSnapshotArchives, mountBuildFiles, mountBoxes],
  }),
  attempts: section('Attempts', {
    audience: 'programs that run one task several times and choose one result',
    paths: ofSession('attempts'),
  }),
  automations: section('Automations', {
    audience: 'programs that start agents automatically',
    paths: ['/api/v1/automations', '/api/v1/hooks'],
    byHand: [mountHooks],
  }),
  webhooks: section('Webhooks', { audience: 'programs that are notified of runs, automations and sessions' }),
  skills: section('Skills', { audience: 'programs that give skills to agents', byHand: [mountSkillDownload] }),
  volumes: section('Volumes', {
    audience: 'programs that keep files beyond sessions, and move them in and out',
    byHand: [mountVolumeContent],
  }),
  projects: section('Projects', {
    audience: 'programs that manage the members and service accounts of projects',
    paths: ['{project_id}/members', '{project_id}/owner', '{project_id}/accounts', 'move'].map(
      (path) => `/api/v1/projects/${path}`,
    ),
    documents: '[members](auth.md#projects), `/docs`',
  }),
  uploads: section('Uploads', {
    audience: 'programs that list and delete the files that people attached to messages',
    documents: '`/docs`, `/redoc`',
  }),
  memory: section('Memory', { audience: 'programs that read and write the notes of agents' }),
};
