import { z } from 'zod';
import { ToolProgramSettings } from '../../../../config/tool-servers.ts';
import { jsonReply } from '../../../../http/routes/route-docs.ts';
import { exampleSid, exampleTime, exampleUuid, isoTimestamp } from './examples.ts';

const Project = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  created_at: isoTimestamp,
  updated_at: isoTimestamp,
});
export type Project = z.output<typeof Project>;
const project: Project = {
  id: exampleUuid,
  name: 'Website',
  description: null,
  created_at: exampleTime,
  updated_at: exampleTime,
};
export const projectsReply = jsonReply('Projects', z.object({ projects: z.array(Project), total: z.int() }), {
  projects: [project],
  total: 1,
});
export const projectReply = jsonReply('The project', Project, project);

const Chat = z.object({
  id: z.string(),
  project_id: z.string().nullable(),
  name: z.string(),
  status: z.enum(['active', 'archived']),
  created_at: isoTimestamp,
  updated_at: isoTimestamp,
  container_id: z.string().nullable(),
  environment_type: z.string().nullable(),
});
export type Chat = z.output<typeof Chat>;
const chat: Chat = {
  id: exampleSid,
  project_id: exampleUuid,
  name: 'New Chat',
  status: 'active',
  created_at: exampleTime,
  updated_at: exampleTime,
  container_id: null,
  environment_type: 'python3.11',
};
export const chatsReply = jsonReply(
  'Chat sessions, newest first',
  z.object({ chat_sessions: z.array(Chat), total: z.int() }),
  {
    chat_sessions: [chat],
    total: 1,
  },
);
export const chatReply = jsonReply('The chat session', Chat, chat);

const AgentConfig = z.object({
  id: z.string(),
  project_id: z.string(),
  agent_type: z.string(),
  environment_type: z.string().nullable(),
  system_instructions: z.string().nullable(),
  enabled_tools: z.array(z.string()),
  llm_provider: z.string(),
  llm_model: z.string(),
  llm_config: z.record(z.string(), z.unknown()),
  // Absent without fallbacks, because older clients do not know the field.
  llm_fallbacks: z.array(z.string()).readonly().optional(),
  mcp_servers: ToolProgramSettings.optional(),
});
export type AgentConfig = z.output<typeof AgentConfig>;
const enabled_tools = ['bash', 'file_read', 'file_write', 'file_edit', 'search'];
export const agentConfigReply = jsonReply('The agent configuration', AgentConfig, {
  id: exampleUuid,
  project_id: exampleUuid,
  agent_type: 'code_agent',
  environment_type: 'python3.11',
  system_instructions: 'You are an experienced Python developer.',
  enabled_tools,
  llm_provider: 'gemini',
  llm_model: 'gemini-2.5-flash',
  llm_config: { temperature: 0.5 },
  llm_fallbacks: ['openai/gpt-5-mini'],
  mcp_servers: {},
});

const Template = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  agent_type: z.string(),
  environment_type: z.string(),
  enabled_tools: z.array(z.string()),
});
export type Template = z.output<typeof Template>;
const template: Template = {
  id: 'python_dev',
  name: 'Python Developer',
  description: 'Writes, runs and debugs Python',
  agent_type: 'code_agent',
  environment_type: 'python3.11',
  enabled_tools,
};
export const templatesReply = jsonReply('Templates', z.array(Template), [template]);
export const templateReply = jsonReply('The template', Template, template);
