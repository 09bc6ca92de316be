import { toToolProgramSettings } from '../../../config/tool-servers.ts';
import { sandboxIdOf } from '../../../core/model/ids.ts';
import type { SessionRecord } from '../../../core/model/records.ts';
import type { Project } from '../../../sessions/api/projects.ts';
import type { TemplateInfo } from '../../../sessions/api/server/templates.ts';
import { type AgentConfig, agentType } from '../../../sessions/projects/agent-config.ts';
import { projectFilesFolder } from '../../../sessions/projects/project-copies.ts';
import type { UploadedFile } from '../../../sessions/projects/uploads.ts';
import { toIsoTime } from './names.ts';
import type { UploadedFileView } from './replies/files.ts';
import type * as replies from './replies/projects.ts';

export const toProjectView = ({ id, name, description, createdAt, updatedAt }: Project): replies.Project => ({
  id,
  name,
  description,
  created_at: toIsoTime(createdAt),
  updated_at: toIsoTime(updatedAt),
});

export const toChatView = (session: SessionRecord, environment: string | null): replies.Chat => ({
  id: session.id,
  project_id: session.projectId,
  name: session.title === '' ? 'New Chat' : session.title,
  status: session.archived ? 'archived' : 'active',
  created_at: toIsoTime(session.createdAt),
  updated_at: toIsoTime(session.updatedAt),
  container_id: session.sandboxState === 'running' ? sandboxIdOf(session.id) : null,
  environment_type: environment,
});

export const toAgentView = (config: AgentConfig): replies.AgentConfig => ({
  id: config.id,
  project_id: config.projectId,
  agent_type: config.agentType,
  environment_type: config.environment,
  system_instructions: config.prompt,
  enabled_tools: [...config.tools],
  llm_provider: config.provider,
  llm_model: config.model,
  llm_config: config.options,
  ...(config.fallbacks && { llm_fallbacks: config.fallbacks }),
  ...(config.toolServers.length > 0 && { mcp_servers: toToolProgramSettings(config.toolServers) }),
});

export const toTemplateView = (template: TemplateInfo & { readonly environment: string }): replies.Template => ({
  id: template.name,
  name: template.label,
  description: template.description,
  agent_type: agentType,
  environment_type: template.environment,
  enabled_tools: [...template.groups],
});

export const toFileView = (file: UploadedFile): UploadedFileView => ({
  id: file.id,
  project_id: file.projectId,
  filename: file.name,
  file_path: `/workspace/${projectFilesFolder}/${file.name}`,
  file_type: file.type,
  size: file.size,
  mime_type: file.mimeType,
  hash: file.sha256,
  uploaded_at: toIsoTime(file.uploadedAt),
});
