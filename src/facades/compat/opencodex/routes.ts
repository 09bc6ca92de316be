import { noBodyReply } from '../../../http/routes/route-docs.ts';
import type { App, FacadeRoutes } from '../../../http/routes/routes.ts';
import { mountAgents } from './agents.ts';
import { describeRoute, findProject, type OpencodexDeps } from './context.ts';
import { mountChats } from './conversation/chats.ts';
import { mountConversation } from './conversation/conversation.ts';
import { MessageListTracker } from './conversation/list-answers.ts';
import { mountStream } from './conversation/stream.ts';
import { mountCredentials } from './credentials.ts';
import * as replies from './replies/projects.ts';
import { NewProject, PageQuery, ProjectChange, ProjectParams } from './schemas.ts';
import { mountSettings } from './settings.ts';
import { toProjectView } from './views.ts';
import { mountFiles } from './workspace/files.ts';
import { mountSandbox } from './workspace/sandbox.ts';
import { mountWorkspace } from './workspace/workspace.ts';

export function createOpencodexRoutes(deps: OpencodexDeps): FacadeRoutes {
  return {
    mount(app) {
      mountProjects(app, deps);
      mountAgents(app, deps);
      mountChats(app, deps);
      const lists = new MessageListTracker(deps.clock);
      mountConversation(app, deps, lists);
      mountStream(deps, lists);
      mountSandbox(app, deps);
      mountWorkspace(app, deps);
      mountFiles(app, deps);
      mountSettings(app, deps);
      mountCredentials(app, deps);
    },
  };
}

const projects = '/api/v1/projects';
const one = `${projects}/:project_id`;

function mountProjects(app: App, deps: OpencodexDeps): void {
  const { services } = deps;
  app.get(
    projects,
    describeRoute('ListProjects', 'List projects, last changed first', {
      schema: { querystring: PageQuery, response: { 200: replies.projectsReply } },
      fails: [422],
    }),
    async ({ query }) => {
      const { skip = 0, limit = 100 } = query;
      const found = await services.projects.list({ skip, limit });
      return { projects: found.projects.map(toProjectView), total: found.total };
    },
  );
  app.post(
    projects,
    describeRoute('CreateProject', 'Create a project', {
      schema: { body: NewProject, response: { 201: replies.projectReply } },
      config: { once: 201 },
      bodyExample: { name: 'Website' },
      fails: [409, 413, 422],
    }),
    async ({ body: { name, description = null } }) =>
      toProjectView(await services.projects.create({ name, description })),
  );
  app.get(
    one,
    describeRoute('GetProject', 'Get a project', {
      schema: { params: ProjectParams, response: { 200: replies.projectReply } },
      fails: [404],
    }),
    async ({ params }) => toProjectView(await findProject(deps, params.project_id)),
  );
  app.put(
    one,
    describeRoute('UpdateProject', 'Change the name or description of a project', {
      schema: { params: ProjectParams, body: ProjectChange, response: { 200: replies.projectReply } },
      bodyExample: { description: 'The public one' },
      fails: [404, 409, 413, 422],
    }),
    async ({ params, body: { name, description } }) => {
      const { id } = await findProject(deps, params.project_id);
      const change = { ...(name != null && { name }), ...(description !== undefined && { description }) };
      return toProjectView(await services.projects.update(id, change));
    },
  );
  app.delete(
    one,
    describeRoute('DeleteProject', 'Delete a project with its chat sessions and files', {
      schema: { params: ProjectParams, response: { 204: noBodyReply } },
      fails: [404],
    }),
    async ({ params }, reply) => {
      const { id } = await findProject(deps, params.project_id);
      await services.projects.delete(id);
      return reply.code(204).send();
    },
  );
}
