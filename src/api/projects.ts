import { z } from 'zod';
import { FallbackRefs, ModelRef } from '../agents/models/model-ref.ts';
import { toolGroups } from '../agents/tools/tool.ts';
import { ProgramSettings, toolPrograms, toProgramSettings } from '../config/tool-servers.ts';
import { type ProjectAgent, Project as StoredProject } from '../sessions/api/projects.ts';
import { procedure, router } from './procedure/procedure.ts';
import { Done, okResult, ProjectIdInput, Time, TitleInput } from './procedure/schemas.ts';

const Project = StoredProject.omit({ owner: true }).extend({ createdAt: Time, updatedAt: Time });
/** The agent of a project's sessions. A session's own model, fall-backs and tool servers precede it. */
const Agent = z.object({
  template: z.string(),
  prompt: z.string().nullable(),
  tools: z.array(z.enum(toolGroups)).readonly(),
  model: z.string(),
  /** Null: those of the template, or of the settings. */
  fallbacks: z.array(z.string()).readonly().nullable(),
  /** Beside those of the template and of the settings. Their environment can be read by the agent, and by readers of the project. */
  mcpServers: ProgramSettings,
});
const toAgent = ({ toolServers, ...agent }: ProjectAgent): z.infer<typeof Agent> => ({
  ...agent,
  mcpServers: toProgramSettings(toolServers),
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
      return { projects: [...projects], total };
    }),

  create: procedure
    .input(z.strictObject({ name: TitleInput, description }))
    .output(Project)
    .mutation(
      async ({ ctx, input }) =>
        await ctx.services.projects.create({ name: input.name, description: input.description ?? null }),
    ),

  get: procedure
    .input(byId)
    .output(Project)
    .query(async ({ ctx, input }) => await ctx.services.projects.get(input.id)),

  update: procedure
    .input(byId.extend({ name: TitleInput.optional(), description }))
    .output(Project)
    .mutation(async ({ ctx, input: { id, name, description } }) => {
      const change = { ...(name !== undefined && { name }), ...(description !== undefined && { description }) };
      return await ctx.services.projects.update(id, change);
    }),

  agent: procedure
    .input(byId)
    .output(Agent)
    .query(async ({ ctx, input }) => toAgent(await ctx.services.projects.agent(input.id))),

  /** Changes only the fields that are set, for the next turns of the project's sessions. */
  updateAgent: procedure
    .input(
      byId.extend({
        prompt: z.string().max(200_000).nullable().optional(),
        tools: z.array(z.enum(toolGroups)).max(100).optional(),
        model: ModelRef.optional(),
        fallbacks: FallbackRefs.nullable().optional(),
        /** Tool servers as in corral.yaml, of the kind that runs in the sandbox. They replace those that the project had. */
        mcpServers: toolPrograms.optional(),
      }),
    )
    .output(Agent)
    .mutation(async ({ ctx, input: { id, mcpServers, ...fields } }) => {
      const values = Object.entries(fields).filter(([, value]) => value !== undefined);
      const change = { ...Object.fromEntries(values), ...(mcpServers && { toolServers: mcpServers }) };
      return toAgent(await ctx.services.projects.changeAgent(id, change));
    }),

  delete: procedure
    .input(byId)
    .output(Done)
    .mutation(async ({ ctx, input }) => {
      await ctx.services.projects.delete(input.id);
      return okResult;
    }),
});
