import { z } from 'zod';
import type { Project as CoreProject } from '../../session/api/projects.ts';
import { procedure, router } from './base.ts';
import { Done, done, iso, ProjectIdInput, TitleInput } from './schemas.ts';

const Project = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});
const toProject = ({ id, name, description, createdAt, updatedAt }: CoreProject): z.infer<typeof Project> => ({
  id,
  name,
  description,
  createdAt: iso(createdAt),
  updatedAt: iso(updatedAt),
});

const byId = z.strictObject({ id: ProjectIdInput });
const description = z.string().max(200_000).nullish();
const ListInput = z.strictObject({
  skip: z.int().min(0).default(0),
  limit: z.int().min(1).max(500).default(100),
});

export const projectsRouter = router({
  list: procedure
    .input(ListInput.optional())
    .output(z.object({ projects: z.array(Project), total: z.int() }))
    .query(async ({ ctx, input }) => {
      const { projects, total } = await ctx.services.projects.list(ListInput.parse(input ?? {}));
      return { projects: projects.map(toProject), total };
    }),

  create: procedure
    .input(z.strictObject({ name: TitleInput, description }))
    .output(Project)
    .mutation(async ({ ctx, input }) =>
      toProject(await ctx.services.projects.create({ name: input.name, description: input.description ?? null })),
    ),

  get: procedure
    .input(byId)
    .output(Project)
    .query(async ({ ctx, input }) => toProject(await ctx.services.projects.get(input.id))),

  update: procedure
    .input(byId.extend({ name: TitleInput.optional(), description }))
    .output(Project)
    .mutation(async ({ ctx, input: { id, name, description } }) => {
      const change = { ...(name !== undefined && { name }), ...(description !== undefined && { description }) };
      return toProject(await ctx.services.projects.update(id, change));
    }),

  delete: procedure
    .input(byId)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.projects.delete(input.id);
      return done;
    }),
});
