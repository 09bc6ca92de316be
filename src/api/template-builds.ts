import { z } from 'zod';
import { BuildStep } from '../core/model/sandboxes/built-template.ts';
import { procedure, router } from './procedure/procedure.ts';
import { Done, done } from './procedure/schemas.ts';
import {
  Begun,
  BuildInput,
  BuildName,
  BuildStatus,
  BuildView,
  Built,
  buildStatus,
  buildView,
  builtView,
  DockerfileInput,
  FileHash,
  NewBuild,
  TagName,
  toBuildPlan,
} from './views/template-builds.ts';

const ofTemplate = z.strictObject({ id: z.string().max(100) });
const ofBuild = ofTemplate.extend({ build: z.string().max(100) });
const Tags = z.array(TagName).min(1).max(20);

/** Templates that people build of a Dockerfile or of steps. `sessions.create` with `built` begins with one. */
export const templateBuildsRouter = router({
  /** Whether this server builds templates, of which images, and why not. */
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

  list: procedure
    .input(z.strictObject({}).optional())
    .output(z.array(Built))
    .query(async ({ ctx }) => (await ctx.services.templateBuilds.list()).map(builtView)),

  /** The steps of a Dockerfile. Those of COPY lack `files`: the hash with which their archive was uploaded. */
  plan: procedure
    .input(DockerfileInput)
    .output(z.object({ base: z.string(), steps: z.array(BuildStep).readonly(), notes: z.array(z.string()).readonly() }))
    .mutation(({ ctx, input: { dockerfile, args } }) => ctx.services.templateBuilds.plan(dockerfile, args)),

  /** Makes the template if it is new. Its build waits for `start`, at most an hour. */
  begin: procedure
    .input(NewBuild)
    .output(Begun)
    .mutation(async ({ ctx, input }) => {
      const { template, build } = await ctx.services.templateBuilds.begin(input);
      return { template: builtView(template), build: buildView(build) };
    }),

  /** Whether the owner of the template has uploaded the files of this hash in the last day. */
  hasFiles: procedure
    .input(ofTemplate.extend({ hash: FileHash }))
    .output(z.object({ present: z.boolean() }))
    .query(async ({ ctx, input }) => ({ present: await ctx.services.templateBuilds.hasFiles(input.id, input.hash) })),

  start: procedure
    .input(ofBuild.extend(BuildInput.shape))
    .output(BuildView)
    .mutation(async ({ ctx, input: { id, build, ...plan } }) =>
      buildView(await ctx.services.templateBuilds.start(id, build, toBuildPlan(plan))),
    ),

  /** The state of a build, and its log from `offset` on. */
  status: procedure
    .input(ofBuild.extend({ offset: z.int().min(0).default(0) }))
    .output(BuildStatus)
    .query(({ ctx, input: { id, build, offset } }) =>
      buildStatus(ctx.services.templateBuilds, { templateId: id, buildId: build, offset }),
    ),

  /** The builds of a template that are kept, the newest first. */
  builds: procedure
    .input(ofTemplate)
    .output(z.array(BuildView))
    .query(async ({ ctx, input }) => (await ctx.services.templateBuilds.builds(input.id)).map(buildView)),

  /** Stops a build that waits or runs. */
  cancel: procedure
    .input(ofBuild)
    .output(BuildView)
    .mutation(async ({ ctx, input: { id, build } }) => buildView(await ctx.services.templateBuilds.cancel(id, build))),

  /** Gives further tags to the build that `from` (name:tag, or a name) stands for. */
  tag: procedure
    .input(z.strictObject({ from: BuildName, tags: Tags }))
    .output(Built)
    .mutation(async ({ ctx, input: { from, tags } }) => {
      const { id } = await ctx.services.templateBuilds.find(from);
      return builtView(await ctx.services.templateBuilds.tag(id, from.split(':')[1] ?? 'default', tags));
    }),

  untag: procedure
    .input(ofTemplate.extend({ tags: Tags }))
    .output(Built)
    .mutation(async ({ ctx, input: { id, tags } }) => builtView(await ctx.services.templateBuilds.untag(id, tags))),

  /** Sessions that run from its images go on; new ones cannot begin with it. */
  delete: procedure
    .input(ofTemplate)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.templateBuilds.remove(input.id);
      return done;
    }),
});
