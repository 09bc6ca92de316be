import { AppError } from '../../../core/errors/errors.ts';
import type { App } from '../../../http/routes/routes.ts';
import type { TemplateInfo } from '../../../sessions/api/server/templates.ts';
import type { AgentConfigChange as Change } from '../../../sessions/projects/agent-config.ts';
import { createInvalidFieldError, describeRoute, findProject, type OpencodexDeps } from './context.ts';
import * as replies from './replies/projects.ts';
import { AgentConfigBody, ApplyTemplateParams, ProjectParams, TemplateParams } from './schemas.ts';
import { toAgentView, toTemplateView } from './views.ts';

const projects = '/api/v1/projects';
const config = `${projects}/:project_id/agent-config`;

export function mountAgents(app: App, deps: OpencodexDeps): void {
  const { agents, services } = deps;
  app.get(
    `${projects}/templates/list`,
    describeRoute('ListTemplates', 'List the agent templates', {
      schema: { response: { 200: replies.templatesReply } },
    }),
    async () => services.templates.list().filter(isForProjects).map(toTemplateView),
  );
  app.get(
    `${projects}/templates/:template_id`,
    describeRoute('GetTemplate', 'Get an agent template', {
      schema: { params: TemplateParams, response: { 200: replies.templateReply } },
      fails: [404],
    }),
    async ({ params }) => toTemplateView(findTemplate(deps, params.template_id)),
  );
  app.get(
    config,
    describeRoute('GetAgentConfig', 'Get the agent configuration of a project', {
      schema: { params: ProjectParams, response: { 200: replies.agentConfigReply } },
      fails: [404],
    }),
    async ({ params }) => toAgentView(await agents.get((await findProject(deps, params.project_id)).id)),
  );
  app.put(
    config,
    describeRoute('UpdateAgentConfig', 'Change the agent configuration of a project', {
      schema: { params: ProjectParams, body: AgentConfigBody, response: { 200: replies.agentConfigReply } },
      bodyExample: { enabled_tools: ['bash', 'file_read'] },
      fails: [404, 409, 413, 422],
    }),
    async ({ params, body }) => {
      const { id } = await findProject(deps, params.project_id);
      const known = await deps.offered();
      if (body.llm_provider !== undefined && !known.some((one) => one.id === body.llm_provider))
        throw createInvalidFieldError('body', 'llm_provider', 'is not a provider known here');
      const change = {
        agentType: body.agent_type,
        environment: body.environment_type,
        prompt: body.system_instructions,
        tools: body.enabled_tools,
        provider: body.llm_provider,
        model: body.llm_model,
        options: body.llm_config,
        fallbacks: body.llm_fallbacks,
        toolServers: body.mcp_servers,
      };
      return toAgentView(await agents.update(id, change as Change).catch(unfit(body)));
    },
  );
  app.post(
    `${config}/apply-template/:template_id`,
    describeRoute('ApplyTemplate', 'Apply a template; provider and model stay', {
      schema: { params: ApplyTemplateParams, response: { 200: replies.agentConfigReply } },
      fails: [404, 409],
    }),
    async ({ params }) => {
      const { id } = await findProject(deps, params.project_id);
      return toAgentView(await agents.apply(id, findTemplate(deps, params.template_id)));
    },
  );
}

const unfit =
  (body: Readonly<Record<string, unknown>>) =>
  (thrown: unknown): never => {
    if (!(thrown instanceof AppError && thrown.code === 'invalid_request')) throw thrown;
    const value = ['llm_config', 'llm_model', 'llm_fallbacks'].find((name) => body[name] !== undefined);
    throw createInvalidFieldError('body', value ?? 'llm_model', thrown.publicMessage);
  };

type ProjectTemplate = TemplateInfo & { readonly environment: string };
/** Clients can show only templates with an environment. */
const isForProjects = (template: TemplateInfo): template is ProjectTemplate => template.environment !== undefined;

function findTemplate({ services }: OpencodexDeps, id: string): ProjectTemplate {
  const template = services.templates.list().find(({ name }) => name === id);
  if (!template || !isForProjects(template)) throw new AppError('not_found', `Template with id ${id} not found`);
  return template;
}
