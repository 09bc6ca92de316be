import { z } from 'zod';
import { toolGroups } from '../agents/tools/tool.ts';
import type { TemplateInfo, TemplateUnavailability } from '../sessions/api/server/templates.ts';
import { defineOperations, router } from './procedure/procedure.ts';

/** Null fields take the value of the project or the server. */
const Template = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  /** Shown by OpenCodex clients. */
  environment: z.string().nullable(),
  mode: z.enum(['plan-act', 'react']).nullable(),
  tools: z.array(z.enum(toolGroups)).readonly(),
  prompt: z.string().nullable(),
  promptParts: z.array(z.string()).readonly(),
  model: z.string().nullable(),
  fallbacks: z.array(z.string()).readonly().nullable(),
  skills: z.array(z.string()).readonly(),
  mcpServers: z.array(z.string()).readonly(),
  approvals: z.array(z.string()).readonly().nullable(),
  repositories: z.array(z.string()).readonly(),
  image: z.string().nullable(),
  idleSeconds: z.number().nullable(),
  packages: z.object({ pip: z.array(z.string()).readonly(), npm: z.array(z.string()).readonly() }),
  egress: z.string().nullable(),
  unavailable: z.object({ reason: z.string(), remedy: z.string() }).nullable(),
});

const templateView = (
  template: TemplateInfo,
  unavailable: TemplateUnavailability | null,
): z.output<typeof Template> => ({
  id: template.name,
  name: template.label,
  description: template.description,
  environment: template.environment ?? null,
  mode: template.mode ?? null,
  tools: template.groups,
  prompt: template.prompt ?? null,
  promptParts: Object.keys(template.promptParts ?? {}),
  model: template.model ?? null,
  fallbacks: template.models.fallbacks ?? null,
  skills: template.skills ?? [],
  mcpServers: (template.mcp.servers ?? []).map(({ name }) => name),
  approvals: template.approvals.tools ?? null,
  repositories: (template.repositories ?? []).map(({ url }) => url),
  image: template.sandbox.image ?? null,
  idleSeconds: template.sandbox.idleSeconds ?? null,
  packages: { pip: template.packages.pip ?? [], npm: template.packages.npm ?? [] },
  egress: template.egress.policy ?? null,
  unavailable,
});

const example: z.output<typeof Template> = {
  id: 'code_reviewer',
  name: 'Code Reviewer',
  description: 'Reviews code without changing it',
  environment: 'python3.11',
  mode: 'react',
  prompt: 'You review code and change none of it.',
  promptParts: [],
  model: null,
  fallbacks: null,
  repositories: [],
  skills: [],
  mcpServers: [],
  approvals: null,
  image: null,
  idleSeconds: null,
  egress: null,
  unavailable: null,
  packages: { pip: [], npm: [] },
  tools: ['bash', 'file_read', 'search'],
};

export const templatesRouter = router({
  list: defineOperations({ tag: 'Server', prefix: '', style: 'server' })({
    rest: 'GET /api/v1/templates',
    id: 'templates',
    summary: 'List the templates of agents, for new sessions',
    may: 'any',
    out: z.object({ templates: z.array(Template).readonly() }),
    answer: { templates: [example] },
    fails: [401],
  }).query(
    async ({
      ctx: {
        services: { templates },
      },
    }) => ({
      templates: await Promise.all(
        templates.list().map(async (template) => templateView(template, (await templates.whyNot(template)) ?? null)),
      ),
    }),
  ),
});
