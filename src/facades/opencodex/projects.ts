import { AppError } from '../../core/errors.ts';
import type { SessionRecord } from '../../core/records.ts';
import type { AgentConfigChange as Change } from '../../session/projects/agent-presets.ts';
import { agentTemplate, agentTemplates } from '../../session/projects/agent-templates.ts';
import type { App } from '../shared/routes.ts';
import { chatOf, invalid, type OpencodexDeps, projectOf } from './context.ts';
import * as doc from './docs/projects.ts';
import { pageOf } from './paging.ts';
import {
  AgentConfigChange,
  ApplyParams,
  ChatChange,
  ChatParams,
  ChatsQuery,
  NewChat,
  NewChatQuery,
  NewProject,
  PageQuery,
  ProjectChange,
  ProjectParams,
  TemplateParams,
} from './schemas.ts';
import { agentView, chatView, projectView, templateView } from './views.ts';

const projects = '/api/v1/projects';
const one = `${projects}/:project_id`;
const chats = '/api/v1/chats';

export function mountProjects(app: App, deps: OpencodexDeps): void {
  const { services, idempotency } = deps;
  app.get(projects, { schema: { querystring: PageQuery }, config: { doc: doc.listProjects } }, async ({ query }) => {
    const { skip = 0, limit = 100 } = query;
    const found = await services.projects.list({ skip, limit });
    return { projects: found.projects.map(projectView), total: found.total };
  });
  app.post(projects, { schema: { body: NewProject }, config: { doc: doc.createProject } }, (request, reply) =>
    idempotency.once(request, reply.code(201), async () => {
      const { name, description = null } = request.body;
      return projectView(await services.projects.create({ name, description }));
    }),
  );
  app.get(one, { schema: { params: ProjectParams }, config: { doc: doc.getProject } }, async ({ params }) =>
    projectView(await projectOf(deps, params.project_id)),
  );
  app.put(
    one,
    { schema: { params: ProjectParams, body: ProjectChange }, config: { doc: doc.updateProject } },
    async ({ params, body: { name, description } }) => {
      const { id } = await projectOf(deps, params.project_id);
      const change = { ...(name != null && { name }), ...(description !== undefined && { description }) };
      return projectView(await services.projects.update(id, change));
    },
  );
  app.delete(
    one,
    { schema: { params: ProjectParams }, config: { doc: doc.deleteProject } },
    async ({ params }, reply) => {
      const { id } = await projectOf(deps, params.project_id);
      await services.projects.delete(id);
      return reply.code(204).send();
    },
  );
}

export function mountAgents(app: App, deps: OpencodexDeps): void {
  const { agents } = deps;
  const config = `${one}/agent-config`;
  app.get(`${projects}/templates/list`, { config: { doc: doc.listTemplates } }, async () =>
    agentTemplates.map(templateView),
  );
  app.get(
    `${projects}/templates/:template_id`,
    { schema: { params: TemplateParams }, config: { doc: doc.getTemplate } },
    async ({ params }) => templateView(templateOf(params.template_id)),
  );
  app.get(config, { schema: { params: ProjectParams }, config: { doc: doc.getAgentConfig } }, async ({ params }) =>
    agentView(await agents.get((await projectOf(deps, params.project_id)).id)),
  );
  app.put(
    config,
    { schema: { params: ProjectParams, body: AgentConfigChange }, config: { doc: doc.updateAgentConfig } },
    async ({ params, body }) => {
      const { id } = await projectOf(deps, params.project_id);
      const change = {
        agentType: body.agent_type,
        environment: body.environment_type,
        prompt: body.system_instructions,
        tools: body.enabled_tools,
        provider: body.llm_provider,
        model: body.llm_model,
        options: body.llm_config,
      };
      return agentView(await agents.update(id, change as Change).catch(unfit));
    },
  );
  app.post(
    `${config}/apply-template/:template_id`,
    { schema: { params: ApplyParams }, config: { doc: doc.applyTemplate } },
    async ({ params }) => {
      const { id } = await projectOf(deps, params.project_id);
      return agentView(await agents.apply(id, templateOf(params.template_id)));
    },
  );
}

/** Reports the one error that the schema cannot find. */
function unfit(thrown: unknown): never {
  if (!(thrown instanceof AppError && thrown.code === 'invalid_request')) throw thrown;
  throw invalid('body', 'llm_config', thrown.publicMessage);
}

function templateOf(id: string) {
  const template = agentTemplate(id);
  if (!template) throw new AppError('not_found', `Template with id ${id} not found`);
  return template;
}

export function mountChats(app: App, deps: OpencodexDeps): void {
  const { services, idempotency } = deps;
  const list = async (projectId: string | undefined, query: PageQuery) => {
    const all = await services.sessions.list();
    const own = projectId === undefined ? all : all.filter((session) => session.projectId === projectId);
    const { items, total } = pageOf([...own].sort(newestFirst), query);
    return { chat_sessions: await Promise.all(items.map(view)), total };
  };
  const view = async (session: SessionRecord) => chatView(session, await environmentOf(session));
  const environmentOf = async ({ projectId }: SessionRecord) =>
    projectId === null
      ? null
      : await deps.agents.get(projectId).then(
          (config) => config.environment,
          () => null,
        );
  const create = async (projectId: string, name: string | null | undefined) => {
    const { id } = await projectOf(deps, projectId);
    const title = name ?? 'New Chat';
    return view(await services.sessions.create({ origin: 'opencodex', projectId: id, title, provisionalTitle: true }));
  };

  const ofProject = `${one}/chat-sessions`;
  app.get(
    ofProject,
    { schema: { params: ProjectParams, querystring: PageQuery }, config: { doc: doc.listProjectChats } },
    async ({ params, query }) => list((await projectOf(deps, params.project_id)).id, query),
  );
  app.post(
    ofProject,
    { schema: { params: ProjectParams, body: NewChat }, config: { doc: doc.createProjectChat } },
    (request, reply) =>
      idempotency.once(request, reply.code(201), () => create(request.params.project_id, request.body.name)),
  );
  app.get(chats, { schema: { querystring: ChatsQuery }, config: { doc: doc.listChats } }, async ({ query }) => {
    const { project_id, ...page } = query;
    if (project_id !== undefined) await projectOf(deps, project_id);
    return await list(project_id, page);
  });
  app.post(
    chats,
    { schema: { querystring: NewChatQuery, body: NewChat }, config: { doc: doc.createChat } },
    (request, reply) =>
      idempotency.once(request, reply.code(201), () => create(request.query.project_id, request.body.name)),
  );
  app.get(`${chats}/:sid`, { schema: { params: ChatParams }, config: { doc: doc.getChat } }, async ({ params }) =>
    view(await chatOf(deps, params.sid)),
  );
  app.put(
    `${chats}/:sid`,
    { schema: { params: ChatParams, body: ChatChange }, config: { doc: doc.updateChat } },
    async ({ params, body: { name, status } }) => {
      const { id } = await chatOf(deps, params.sid);
      const change = {
        ...(name != null && { title: name }),
        ...(status != null && { archived: status === 'archived' }),
      };
      return view(await services.sessions.update(id, change));
    },
  );
  app.delete(
    `${chats}/:sid`,
    { schema: { params: ChatParams }, config: { doc: doc.deleteChat } },
    async ({ params }, reply) => {
      const { id } = await chatOf(deps, params.sid);
      await services.sessions.delete(id);
      return reply.code(204).send();
    },
  );
}

const newestFirst = (a: SessionRecord, b: SessionRecord) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1);
