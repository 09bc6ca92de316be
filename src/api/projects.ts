import { z } from 'zod';
import { FallbackRefs, ModelRef } from '../agents/models/model-ref.ts';
import { toolGroups } from '../agents/tools/tool.ts';
import { ToolProgramSettings, ToolProgramsInput, toToolProgramSettings } from '../config/tool-servers.ts';
import { AppError } from '../core/errors/errors.ts';
import { memberRoles, projectRoles } from '../core/model/principal.ts';
import {
  movableResourceKinds,
  type ProjectAgentProfile,
  ProjectMemberView,
  Project as StoredProject,
} from '../sessions/api/projects.ts';
import type { TrpcContext } from './procedure/context.ts';
import { defineOperations, procedure, router } from './procedure/procedure.ts';
import {
  awaitOkResult,
  IsoTime,
  OkResult,
  okOperationFields,
  okResult,
  omitUndefined,
  ProjectIdInput,
  TitleInput,
} from './procedure/schemas.ts';
import { toSessionId } from './procedure/session-id.ts';

const Project = StoredProject.omit({ owner: true, members: true, departures: true }).extend({
  createdAt: IsoTime,
  updatedAt: IsoTime,
  /** Null for an administrator or operator who is not a member. */
  role: z.enum(projectRoles).nullable(),
});
const shownTo = ({ principal }: Pick<TrpcContext, 'principal'>, project: StoredProject) => ({
  ...project,
  role: principal.projects?.get(project.id) ?? null,
});
/** Sessions can override the model and the fallbacks, and replace tool servers by name. */
const Agent = z.object({
  template: z.string(),
  prompt: z.string().nullable(),
  tools: z.array(z.enum(toolGroups)).readonly(),
  model: z.string(),
  /** Null if the fallbacks come from the template or settings. */
  fallbacks: z.array(z.string()).readonly().nullable(),
  /** Added to those of the template and settings. Project readers and the agent can read the environment variables. */
  mcpServers: ToolProgramSettings,
});
const toAgent = ({ toolServers, ...agent }: ProjectAgentProfile): z.infer<typeof Agent> => ({
  ...agent,
  mcpServers: toToolProgramSettings(toolServers),
});

const byId = z.strictObject({ id: ProjectIdInput });
const description = z.string().max(200_000).nullish();
const ListInput = z.strictObject({
  skip: z.int().min(0).default(0),
  limit: z.int().min(1).max(500).default(100),
});

const id = ProjectIdInput;
const role = z
  .enum(memberRoles)
  .describe('viewer reads and watches, member works, maintainer also manages the project');
const MemberName = z.strictObject({
  id,
  of: z.enum(['person', 'group']).default('person').describe('person or group; default: person'),
  member: z.string().min(1).max(300).describe("a person's id or e-mail address, a key's id, or the name of a group"),
  issuer: z.string().max(2_000).optional().describe('the identity provider of a group; default: the main one'),
});
const member = { of: 'person', id: '5f0c3d9b21aa', name: 'Ada Lovelace', issuer: null, role: 'member' } as const;
const columns = ['{id}', '{name}', '{of}', '{role}'];
const operation = defineOperations({
  tag: 'Projects',
  prefix: 'projects',
  command: {
    name: 'project',
    about: 'manages the members of projects',
    item: 'project',
    examples: [
      'corral project members 3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10',
      'corral project add 3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10 ada@example.com --role member',
    ],
    columns,
  },
});
const base = '/api/v1/projects/:project_id=id';
const nameOf = ({ of, member, issuer }: z.output<typeof MemberName>) => ({ of, id: member, ...(issuer && { issuer }) });

export const projectsRouter = router({
  members: operation({
    rest: `GET ${base}/members`,
    summary: 'List who may use the project',
    verb: { name: 'members' },
    may: 'read',
    in: byId,
    out: ProjectMemberView.array().readonly(),
    answer: [member],
  }).query(async ({ ctx, input }) => await ctx.services.projects.members(input.id)),

  putMember: operation({
    rest: `PUT ${base}/members`,
    summary: 'Add a person or a group to the project, or change the role',
    verb: { name: 'add', words: ['id', 'member'] },
    may: 'manage',
    in: MemberName.extend({ role }),
    out: ProjectMemberView,
    example: { member: 'ada@example.com', role: 'member' },
    answer: member,
    fails: [403, 404, 409, 422, 429],
  }).mutation(
    async ({ ctx, input }) => await ctx.services.projects.putMember(input.id, { ...nameOf(input), role: input.role }),
  ),

  removeMember: operation({
    rest: `DELETE ${base}/members/:member`,
    summary: 'Remove a member; its open streams end. Members can remove themselves',
    verb: { name: 'remove', words: ['id', 'member'] },
    may: 'manage',
    in: MemberName,
    ...okOperationFields,
    fails: [403, 404, 409, 422],
  }).mutation(({ ctx, input }) => awaitOkResult(ctx.services.projects.removeMember(input.id, nameOf(input)))),

  move: operation({
    rest: 'POST /api/v1/projects/move',
    summary: 'Move a session, automation, skill or other resource into a project, or out of one',
    description:
      'Its owner and maintainers can move it, to projects in which they can work. A session can also get another owner.',
    verb: { name: 'move', words: ['of', 'resource'] },
    may: 'manage',
    in: z.strictObject({
      of: z.enum(['session', ...movableResourceKinds]),
      resource: z.string().min(1).max(100).describe('its id'),
      projectId: ProjectIdInput.nullable().optional().describe('the project; null or none: its owner gets it back'),
      owner: z.string().min(1).max(300).optional().describe('id of the new owner of a session in a project'),
    }),
    out: OkResult,
    example: {
      of: 'skill',
      resource: 'skill_0123456789abcdef01234567',
      projectId: '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10',
    },
    answer: okResult,
    fails: [400, 403, 404, 409, 422],
  }).mutation(async ({ ctx: { services }, input: { of, resource, projectId, owner } }) => {
    if (of === 'session')
      await services.sessions.move(toSessionId(resource), {
        projectId: projectId ?? (owner === undefined ? null : undefined),
        owner,
      });
    else if (owner !== undefined) throw new AppError('invalid_request', 'Only a session can change its owner.');
    else await services.projects.move(resource, { of, projectId: projectId ?? null });
    return okResult;
  }),

  handOver: operation({
    rest: `POST ${base}/owner`,
    summary: 'Make another person the owner of the project',
    verb: { name: 'hand-over', words: ['id', 'to'], columns: ['{id}', '{name}'] },
    may: 'manage',
    in: byId.extend({ to: z.string().min(1).max(300).describe("a person's or key's id") }),
    out: Project,
    example: { to: '5f0c3d9b21aa' },
    answer: {
      id: '3f0b6f0e-7c1d-4a51-9f43-2f6f0f1f7a10',
      name: 'Website',
      description: null,
      createdAt: '2026-11-24T12:00:00.000Z',
      updatedAt: '2026-11-24T12:00:00.000Z',
      role: 'maintainer',
    },
    fails: [403, 404, 409, 422],
  }).mutation(async ({ ctx, input }) => shownTo(ctx, await ctx.services.projects.handOver(input.id, input.to))),

  list: procedure
    .input(ListInput.optional())
    .output(z.object({ projects: z.array(Project), total: z.int() }))
    .query(async ({ ctx, input }) => {
      const { projects, total } = await ctx.services.projects.list(ListInput.parse(input ?? {}));
      return { projects: projects.map((one) => shownTo(ctx, one)), total };
    }),

  create: procedure
    .input(z.strictObject({ name: TitleInput, description }))
    .output(Project)
    .mutation(async ({ ctx, input }) =>
      shownTo(ctx, await ctx.services.projects.create({ name: input.name, description: input.description ?? null })),
    ),

  get: procedure
    .input(byId)
    .output(Project)
    .query(async ({ ctx, input }) => shownTo(ctx, await ctx.services.projects.get(input.id))),

  update: procedure
    .input(byId.extend({ name: TitleInput.optional(), description }))
    .output(Project)
    .mutation(async ({ ctx, input: { id, ...change } }) =>
      shownTo(ctx, await ctx.services.projects.update(id, omitUndefined(change))),
    ),

  agent: procedure
    .input(byId)
    .output(Agent)
    .query(async ({ ctx, input }) => toAgent(await ctx.services.projects.agent(input.id))),

  /** Takes effect on the next turn of each session. */
  updateAgent: procedure
    .input(
      byId.extend({
        prompt: z.string().max(200_000).nullable().optional(),
        tools: z.array(z.enum(toolGroups)).max(100).optional(),
        model: ModelRef.optional(),
        fallbacks: FallbackRefs.nullable().optional(),
        /** Replaces the project's current tool servers. */
        mcpServers: ToolProgramsInput.optional(),
      }),
    )
    .output(Agent)
    .mutation(async ({ ctx, input: { id, mcpServers, ...fields } }) => {
      const change = omitUndefined({ ...fields, toolServers: mcpServers });
      return toAgent(await ctx.services.projects.changeAgent(id, change));
    }),

  delete: procedure
    .input(byId)
    .output(OkResult)
    .mutation(({ ctx, input }) => awaitOkResult(ctx.services.projects.delete(input.id))),
});
