import type { SessionRecord } from '../../../../core/model/records.ts';
import { noBodyReply } from '../../../../http/routes/route-docs.ts';
import type { App } from '../../../../http/routes/routes.ts';
import { describeRoute, findChat, findProject, type OpencodexDeps } from '../context.ts';
import * as replies from '../replies/projects.ts';
import { ChatChange, ChatParams, ChatsQuery, NewChat, NewChatQuery, PageQuery, ProjectParams } from '../schemas.ts';
import { toChatView } from '../views.ts';
import { toPage } from './paging.ts';

const chats = '/api/v1/chats';
const ofProject = '/api/v1/projects/:project_id/chat-sessions';
const creation = {
  bodyExample: { name: 'New Chat' },
  fails: [404, 409, 413, 422],
};

export function mountChats(app: App, deps: OpencodexDeps): void {
  const { services } = deps;
  const list = async (projectId: string | undefined, query: PageQuery) => {
    const all = await services.sessions.list();
    const own = projectId === undefined ? all : all.filter((session) => session.projectId === projectId);
    const { items, total } = toPage([...own].sort(newestFirst), query);
    return { chat_sessions: await Promise.all(items.map(view)), total };
  };
  const view = async (session: SessionRecord) => toChatView(session, await readEnvironment(session));
  const readEnvironment = async ({ projectId }: SessionRecord) =>
    projectId === null
      ? null
      : await deps.agents.get(projectId).then(
          (config) => config.environment,
          () => null,
        );
  const create = async (projectId: string, name: string | null | undefined) => {
    const { id } = await findProject(deps, projectId);
    const title = name ?? 'New Chat';
    return view(await services.sessions.create({ origin: 'opencodex', projectId: id, title, provisionalTitle: true }));
  };

  app.get(
    ofProject,
    describeRoute('ListProjectChats', 'List the chat sessions of a project, newest first', {
      schema: { params: ProjectParams, querystring: PageQuery, response: { 200: replies.chatsReply } },
      fails: [404, 422],
    }),
    async ({ params, query }) => list((await findProject(deps, params.project_id)).id, query),
  );
  app.post(
    ofProject,
    describeRoute('CreateProjectChat', 'Create a chat session in a project', {
      schema: { params: ProjectParams, body: NewChat, response: { 201: replies.chatReply } },
      config: { once: 201 },
      ...creation,
    }),
    ({ params, body }) => create(params.project_id, body.name),
  );
  app.get(
    chats,
    describeRoute('ListChats', 'List chat sessions, newest first; sessions of other facades are among them', {
      schema: { querystring: ChatsQuery, response: { 200: replies.chatsReply } },
      fails: [404, 422],
    }),
    async ({ query }) => {
      const { project_id, ...page } = query;
      if (project_id !== undefined) await findProject(deps, project_id);
      return await list(project_id, page);
    },
  );
  app.post(
    chats,
    describeRoute('CreateChat', 'Create a chat session in a project', {
      schema: { querystring: NewChatQuery, body: NewChat, response: { 201: replies.chatReply } },
      config: { once: 201 },
      ...creation,
    }),
    ({ query, body }) => create(query.project_id, body.name),
  );
  app.get(
    `${chats}/:sid`,
    describeRoute('GetChat', 'Get a chat session', {
      schema: { params: ChatParams, response: { 200: replies.chatReply } },
      fails: [404],
    }),
    async ({ params }) => view(await findChat(deps, params.sid)),
  );
  app.put(
    `${chats}/:sid`,
    describeRoute('UpdateChat', 'Rename or archive a chat session', {
      schema: { params: ChatParams, body: ChatChange, response: { 200: replies.chatReply } },
      bodyExample: { status: 'archived' },
      fails: [404, 413, 422],
    }),
    async ({ params, body: { name, status } }) => {
      const { id } = await findChat(deps, params.sid);
      const change = {
        ...(name != null && { title: name }),
        ...(status != null && { archived: status === 'archived' }),
      };
      return view(await services.sessions.update(id, change));
    },
  );
  app.delete(
    `${chats}/:sid`,
    describeRoute('DeleteChat', 'Delete a chat session with its sandbox and files', {
      schema: { params: ChatParams, response: { 204: noBodyReply } },
      fails: [404],
    }),
    async ({ params }, reply) => {
      const { id } = await findChat(deps, params.sid);
      await services.sessions.delete(id);
      return reply.code(204).send();
    },
  );
}

const newestFirst = (a: SessionRecord, b: SessionRecord) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1);
