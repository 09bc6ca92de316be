import { z } from 'zod';
import { AppError } from '../core/errors/errors.ts';
import {
  BuildLogEntry,
  BuildStep,
  type BuiltTemplate,
  type TemplateBuild,
} from '../core/model/sandboxes/built-template.ts';
import type { BuildPlan } from '../sessions/api/server/template-builds.ts';
import { parseDockerfile } from '../sessions/builds/dockerfile.ts';
import { defineOperations, procedure, router } from './procedure/procedure.ts';
import { awaitOkResult, OwningProjectInput, okOperationFields, toIsoTime } from './procedure/schemas.ts';

const TagName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/, 'must be a tag such as v1');
const BuildName = z
  .string()
  .regex(
    /^[a-z0-9][a-z0-9_-]{0,63}(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?$/,
    'must be a name such as my-tools or my-tools:v1, in lower case',
  );
export const FileHash = z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be a hash: letters, digits, "_" and "-"');
const Dockerfile = z.string().min(1).max(65_536);
const DockerfileArgs = z.record(z.string().min(1).max(200), z.string().max(16_384));

const NewBuild = z.strictObject({
  name: BuildName.describe('the template, created if it does not exist; optionally with a tag of the build'),
  tags: z.array(TagName).max(20).default([]).describe('tags of the build; without any: default'),
  projectId: OwningProjectInput,
});
const DockerfileInput = z.strictObject({
  dockerfile: Dockerfile.describe('its text'),
  args: DockerfileArgs.optional().describe('the values of its ARGs'),
});
const BuildInput = z.strictObject({
  dockerfile: Dockerfile.optional().describe('a Dockerfile without COPY; with COPY, send the steps'),
  args: DockerfileArgs.optional(),
  base: z.string().min(1).max(300).optional().describe("an image of the operator's list, or a template that you built"),
  steps: z.array(BuildStep).max(200).optional(),
  fresh: z.boolean().default(false).describe('runs every step again'),
});
const Built = z.object({
  id: z.string(),
  name: z.string(),
  projectId: z.string().nullable(),
  createdAt: z.iso.datetime(),
  tags: z.array(z.object({ tag: z.string(), build: z.string(), at: z.iso.datetime() })).readonly(),
});
const BuildView = z.object({
  id: z.string(),
  templateId: z.string(),
  tags: z.array(z.string()).readonly(),
  status: z.enum(['waiting', 'building', 'ready', 'error']),
  createdAt: z.iso.datetime(),
  reason: z.object({ message: z.string(), step: z.string().optional() }).nullable(),
});
const Begun = z.object({ template: Built, build: BuildView });
const BuildStatus = z.object({
  build: BuildView,
  /** At most 500 entries, starting at `offset`. */
  log: z.array(BuildLogEntry).readonly(),
});
const maxEntries = 500;

const builtView = ({ id, name, projectId = null, at, tags }: BuiltTemplate): z.output<typeof Built> => ({
  id,
  name,
  projectId,
  createdAt: toIsoTime(at),
  tags: Object.entries(tags).map(([tag, one]) => ({ tag, build: one.build, at: toIsoTime(one.at) })),
});
const buildView = ({ id, templateId, tags, status, at, reason }: TemplateBuild): z.output<typeof BuildView> => ({
  id,
  templateId,
  tags,
  status,
  createdAt: toIsoTime(at),
  reason: reason ?? null,
});

function toBuildPlan({ dockerfile, args, base, steps, fresh }: z.output<typeof BuildInput>): BuildPlan {
  const isWhole = dockerfile !== undefined ? base === undefined && steps === undefined : base !== undefined && steps;
  if (!isWhole || (args && dockerfile === undefined)) {
    throw new AppError('invalid_request', 'Pass either dockerfile, optionally with args, or base and steps.');
  }
  const plan =
    dockerfile === undefined ? { base: base as string, steps: steps ?? [] } : parseDockerfile(dockerfile, args);
  return { base: { image: plan.base }, steps: plan.steps, ...(fresh && { freshFrom: 0 }) };
}

const ofTemplate = z.strictObject({ id: z.string().max(100).describe('the template') });
const ofBuild = ofTemplate.extend({ build: z.string().max(100).describe('the build') });
const Tags = z.array(TagName).min(1).max(20);

const at = '2026-11-24T12:00:00.000Z';
const build: z.output<typeof BuildView> = {
  id: '6d1c2b3a-4e5f-4a6b-8c7d-9e0f1a2b3c4d',
  templateId: 'tpl-0123456789abcdef',
  tags: ['default'],
  status: 'waiting',
  createdAt: at,
  reason: null,
};
const example: z.output<typeof Built> = {
  id: build.templateId,
  name: 'my-tools',
  projectId: null,
  createdAt: at,
  tags: [{ tag: 'default', build: build.id, at }],
};
const buildColumns = ['{id}', '{status}', '{createdAt}', '{tags}', '{reason.message}'];
const operation = defineOperations({
  tag: 'Sandboxes',
  prefix: 'builtTemplates',
  command: {
    name: 'template',
    about: 'builds templates from a Dockerfile, isolated in a sandbox, and lists, tags and deletes them',
    args: [
      [
        '[word]',
        'with build: the folder of the Dockerfile (default: the current one); otherwise: the id or name of a template',
      ],
      ['[more]', 'with log and cancel: a build (default: the newest); with tag and untag: the tag'],
    ],
    examples: [
      'corral template build --tag my-tools:v1 .',
      'corral box --built my-tools:v1 tools',
      'corral template builds my-tools',
      'corral template tag my-tools stable --from v1',
    ],
    columns: ['{id}', '{name}', '{tags.tag} | not built yet'],
    hasNames: true,
  },
});
const base = '/api/v1/built-templates';
const path = `${base}/:id/builds/:build` as const;

export const templateBuildsRouter = router({
  ability: procedure
    .input(z.strictObject({}).optional())
    .output(
      z.object({
        builds: z.enum(['images', 'none']),
        images: z.array(z.string()).readonly(),
        reason: z.string().nullable(),
      }),
    )
    .query(async ({ ctx }) => {
      const { builds, images = [], reason = null } = await ctx.services.templateBuilds.ability();
      return { builds, images, reason };
    }),

  list: operation({
    rest: `GET ${base}`,
    summary: 'List the templates that you built',
    verb: { name: 'ls' },
    may: 'any',
    out: z.array(Built),
    answer: [example],
  }).query(async ({ ctx }) => (await ctx.services.templateBuilds.list()).map(builtView)),

  /** COPY steps lack `files`, the hash of the archive that the caller uploads. */
  plan: procedure
    .input(DockerfileInput)
    .output(z.object({ base: z.string(), steps: z.array(BuildStep).readonly(), notes: z.array(z.string()).readonly() }))
    .mutation(({ ctx, input: { dockerfile, args } }) => ctx.services.templateBuilds.plan(dockerfile, args)),

  begin: operation({
    rest: `POST ${base}`,
    summary: 'Begin a build; the template is created if it does not exist',
    description: 'Upload the files of its COPY steps next, then start it. The build waits for that at most an hour.',
    may: 'create',
    in: NewBuild,
    out: Begun,
    example: { name: 'my-tools:v1', tags: ['default'] },
    answer: { template: { ...example, tags: [] }, build },
    fails: [400, 404, 409, 422, 429, 501],
  }).mutation(async ({ ctx, input }) => {
    const { template, build } = await ctx.services.templateBuilds.begin(input);
    return { template: builtView(template), build: buildView(build) };
  }),

  /** Finds only files that the template's owner uploaded within the last day. */
  hasFiles: procedure
    .input(ofTemplate.extend({ hash: FileHash }))
    .output(z.object({ present: z.boolean() }))
    .query(async ({ ctx, input }) => ({ present: await ctx.services.templateBuilds.hasFiles(input.id, input.hash) })),

  start: operation({
    rest: `POST ${path}`,
    summary: 'Start a build, of a Dockerfile or of steps',
    may: 'work',
    in: ofBuild.extend(BuildInput.shape),
    out: BuildView,
    example: { dockerfile: 'FROM corral/sandbox\nRUN pip install six\n' },
    answer: build,
    fails: [400, 404, 409, 422],
  }).mutation(async ({ ctx, input: { id, build, ...plan } }) =>
    buildView(await ctx.services.templateBuilds.start(id, build, toBuildPlan(plan))),
  ),
  status: operation({
    rest: `GET ${path}`,
    summary: 'The state of a build, and its log from an offset',
    may: 'read',
    in: ofBuild.extend({ offset: z.int().min(0).default(0) }),
    query: z.object({ offset: z.coerce.number().int().min(0).default(0).describe('number of log entries to skip') }),
    out: BuildStatus,
    answer: { build: { ...build, status: 'ready' }, log: [] },
    fails: [404, 422],
  }).query(async ({ ctx: { services }, input: { id, build, offset } }) => {
    // Read the state first, so that the log of a finished build is complete.
    const state = await services.templateBuilds.build(id, build);
    const { entries } = await services.templateBuilds.log(id, build, { offset, limit: maxEntries });
    return { build: buildView(state), log: entries };
  }),

  builds: operation({
    id: 'Builds',
    summary: 'The builds of a template that are kept, the newest first',
    may: 'read',
    verb: { name: 'builds', words: ['id'], columns: buildColumns },
    in: ofTemplate,
    out: z.array(BuildView),
    answer: [build],
  }).query(async ({ ctx, input }) => (await ctx.services.templateBuilds.builds(input.id)).map(buildView)),

  cancel: procedure
    .input(ofBuild)
    .output(BuildView)
    .mutation(async ({ ctx, input: { id, build } }) => buildView(await ctx.services.templateBuilds.cancel(id, build))),

  /** `from` is `name:tag`, or only a name, which means the tag `default`. */
  tag: procedure
    .input(z.strictObject({ from: BuildName, tags: Tags }))
    .output(Built)
    .mutation(async ({ ctx, input: { from, tags } }) => {
      const { id } = await ctx.services.templateBuilds.find(from);
      return builtView(await ctx.services.templateBuilds.tag(id, from.split(':')[1] ?? 'default', tags));
    }),

  untag: operation({
    id: 'Untag',
    summary: 'Remove tags of a template',
    may: 'work',
    verb: { name: 'untag', words: ['id', 'tags'] },
    in: ofTemplate.extend({ tags: Tags }),
    out: Built,
    answer: example,
  }).mutation(async ({ ctx, input: { id, tags } }) => builtView(await ctx.services.templateBuilds.untag(id, tags))),

  delete: operation({
    rest: `DELETE ${base}/:id`,
    summary: 'Delete a template that you built, and stop its builds',
    verb: { name: 'delete' },
    may: 'stop',
    in: ofTemplate,
    ...okOperationFields,
    example: { id: example.id },
    reply: { schema: z.object({ id: z.string() }), value: (_, { id }) => ({ id }) },
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.services.templateBuilds.remove(input.id))),
});
