import { noBodyReply } from '../../../http/routes/route-docs.ts';
import type { App } from '../../../http/routes/routes.ts';
import { describeRoute } from './about.ts';
import { findProject, type OpencodexDeps } from './context.ts';
import * as replies from './replies/projects.ts';
import { NewProject, PageQuery, ProjectChange, ProjectParams } from './schemas.ts';
import { toProjectView } from './views.ts';

const projects = '/api/v1/projects';
const one = `${projects}/:project_id`;

export function mountProjects(app: App, deps: OpencodexDeps): void {
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
