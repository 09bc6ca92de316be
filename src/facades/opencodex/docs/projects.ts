import { z } from 'zod';
import { at, json, key, nothing, route, sid, time, uuid } from './shared.ts';

const ProjectReply = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  created_at: time,
  updated_at: time,
});
const ChatReply = z.object({
  id: z.string(),
  project_id: z.string().nullable(),
  name: z.string(),
  status: z.enum(['active', 'archived']),
  created_at: time,
  updated_at: time,
  container_id: z.string().nullable(),
  environment_type: z.string().nullable(),
});
const AgentReply = z.object({
  id: z.string(),
  project_id: z.string(),
  agent_type: z.string(),
  environment_type: z.string().nullable(),
  system_instructions: z.string().nullable(),
  enabled_tools: z.array(z.string()),
  llm_provider: z.string(),
  llm_model: z.string(),
  llm_config: z.record(z.string(), z.unknown()),
});
const TemplateReply = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  agent_type: z.string(),
  environment_type: z.string(),
  enabled_tools: z.array(z.string()),
});
const project = { id: uuid, name: 'Website', description: null, created_at: at, updated_at: at };
const chat = {
  id: sid,
  project_id: uuid,
  name: 'New Chat',
  status: 'active',
  created_at: at,
  updated_at: at,
  container_id: null,
  environment_type: 'python3.11',
};
const chatList = json('Chat sessions, newest first', z.object({ chat_sessions: z.array(ChatReply), total: z.int() }), {
  chat_sessions: [chat],
  total: 1,
});
const oneProject = json('The project', ProjectReply, project);
const oneChat = json('The chat session', ChatReply, chat);
const enabled_tools = ['bash', 'file_read', 'file_write', 'file_edit', 'search'];
const agent = json('The agent configuration', AgentReply, {
  id: uuid,
  project_id: uuid,
  agent_type: 'code_agent',
  environment_type: 'python3.11',
  system_instructions: 'You are an experienced Python developer.',
  enabled_tools,
  llm_provider: 'gemini',
  llm_model: 'gemini-2.5-flash',
  llm_config: { temperature: 0.5 },
});
const template = {
  id: 'python_dev',
  name: 'Python Developer',
  description: 'Writes, runs and debugs Python, with all the tools for it',
  agent_type: 'code_agent',
  environment_type: 'python3.11',
  enabled_tools,
};

export const listProjects = route({
  id: 'ListProjects',
  summary: 'List projects, last changed first',
  responses: {
    200: json('Projects', z.object({ projects: z.array(ProjectReply), total: z.int() }), {
      projects: [project],
      total: 1,
    }),
  },
  fails: [422],
});
export const createProject = route({
  id: 'CreateProject',
  summary: 'Create a project',
  responses: { 201: oneProject },
  fails: [409, 413, 422],
  more: { headers: key, bodyExample: { name: 'Website' } },
});
export const getProject = route({
  id: 'GetProject',
  summary: 'Get a project',
  responses: { 200: oneProject },
  fails: [404],
});
export const updateProject = route({
  id: 'UpdateProject',
  summary: 'Change the name or description of a project',
  responses: { 200: oneProject },
  fails: [404, 409, 413, 422],
  more: { bodyExample: { description: 'The public one' } },
});
export const deleteProject = route({
  id: 'DeleteProject',
  summary: 'Delete a project with its chat sessions and files',
  responses: { 204: nothing },
  fails: [404],
});

export const listTemplates = route({
  id: 'ListTemplates',
  summary: 'List the agent templates',
  responses: { 200: json('Templates', z.array(TemplateReply), [template]) },
});
export const getTemplate = route({
  id: 'GetTemplate',
  summary: 'Get an agent template',
  responses: { 200: json('The template', TemplateReply, template) },
  fails: [404],
});
export const getAgentConfig = route({
  id: 'GetAgentConfig',
  summary: 'Get the agent configuration of a project',
  responses: { 200: agent },
  fails: [404],
});
export const updateAgentConfig = route({
  id: 'UpdateAgentConfig',
  summary: 'Change the agent configuration of a project',
  responses: { 200: agent },
  fails: [404, 409, 413, 422],
  more: { bodyExample: { enabled_tools: ['bash', 'file_read'] } },
});
export const applyTemplate = route({
  id: 'ApplyTemplate',
  summary: 'Apply a template; provider and model stay',
  responses: { 200: agent },
  fails: [404, 409],
});

export const listProjectChats = route({
  id: 'ListProjectChats',
  summary: 'List the chat sessions of a project, newest first',
  responses: { 200: chatList },
  fails: [404, 422],
});
const creating = {
  responses: { 201: oneChat },
  fails: [404, 409, 413, 422],
  more: { headers: key, bodyExample: { name: 'New Chat' } },
};
export const createProjectChat = route({
  id: 'CreateProjectChat',
  summary: 'Create a chat session in a project',
  ...creating,
});
export const listChats = route({
  id: 'ListChats',
  summary: 'List chat sessions, newest first; sessions of other dialects are among them',
  responses: { 200: chatList },
  fails: [404, 422],
});
export const createChat = route({ id: 'CreateChat', summary: 'Create a chat session in a project', ...creating });
export const getChat = route({
  id: 'GetChat',
  summary: 'Get a chat session',
  responses: { 200: oneChat },
  fails: [404],
});
export const updateChat = route({
  id: 'UpdateChat',
  summary: 'Rename or archive a chat session',
  responses: { 200: oneChat },
  fails: [404, 413, 422],
  more: { bodyExample: { status: 'archived' } },
});
export const deleteChat = route({
  id: 'DeleteChat',
  summary: 'Delete a chat session with its sandbox and files',
  responses: { 204: nothing },
  fails: [404],
});
