import { z } from 'zod';
import { FallbackRefs } from '../../../agents/models/model-ref.ts';
import { toolGroups } from '../../../agents/tools/tool.ts';
import { ToolProgramsInput } from '../../../config/tool-servers.ts';
import type { SupportedProvider } from '../../../sessions/projects/providers.ts';

// Names are in snake_case, as on the wire.

const boundedText = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => value.trim() !== '', 'must not be empty');
const withoutNul = (value: string) => !value.includes('\0');
const path = z.string().min(1).max(4096).refine(withoutNul, 'must not contain NUL');
const name = z.string().min(1).max(255);
const object = z.record(z.string(), z.unknown());
const wholeNumber = (min: number, max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'must be a whole number')
    .transform(Number)
    .pipe(z.int().min(min).max(max))
    .meta({ type: 'integer', minimum: min, maximum: max });

export const ChatParams = z.object({ sid: z.string().describe('the chat session') });
export const BlockParams = z.object({ sid: z.string(), id: z.string() });
export const IdParams = z.object({ id: z.string() });
export const ProjectParams = z.object({ project_id: z.string() });
export const TemplateParams = z.object({ template_id: z.string() });
export const ApplyTemplateParams = z.object({ project_id: z.string(), template_id: z.string() });
export const ProviderParams = z.object({ provider: z.string() });

const page = {
  skip: wholeNumber(0, 999_999_999).optional().describe('0 if absent'),
  limit: wholeNumber(1, 500).optional().describe('100 if absent'),
};
export const PageQuery = z.object(page);
export type PageQuery = z.output<typeof PageQuery>;
export const ChatsQuery = z.object({ project_id: z.string().optional(), ...page });
export const NewChatQuery = z.object({ project_id: z.string() });
export const PathQuery = z.object({ path: path.describe('absolute, below /workspace/') });
export const DownloadAllQuery = z.object({ type: z.string().describe('uploaded or output') });
export const ProvidersQuery = z.object({ featured_only: z.enum(['true', 'false', '1', '0', '']).optional() });
export const StreamQuery = z.object({
  // Accepts any value, because invalid values are reported in a frame.
  after_seq: z.unknown().optional().meta({ type: 'string', description: 'resume after this event; 0 replays all' }),
});

export const NewProject = z.object({ name, description: z.string().max(200_000).nullish() });
export const ProjectChange = z.object({ name: name.nullish(), description: z.string().max(200_000).nullish() });
export const NewChat = z.object({ name: name.nullish().describe('New Chat if absent') });
export const ChatChange = z.object({ name: name.nullish(), status: z.enum(['active', 'archived']).nullish() });

const mode = z
  .enum(['inject', 'queue', 'replace'])
  .nullish()
  .describe('what happens while a run is active; queue is the default');
export const NewMessage = z.object({
  content: boundedText(200_000),
  role: z.enum(['user', 'assistant', 'system']).nullish().describe('user starts a run; the others are only kept'),
  message_metadata: object.nullish(),
  mode,
});
export const StreamMessageBody = z.object({ content: boundedText(200_000), mode });

export const ExecuteCommandBody = z.object({
  command: boundedText(200_000).refine(withoutNul, 'must not contain NUL'),
  workdir: path.nullish().describe('/workspace if absent'),
  timeout: z.int().min(1).max(600).nullish().describe('seconds, 120 if absent'),
});
export const ProjectAssignment = z.object({ path, project_id: z.string() });

type Providers = readonly SupportedProvider[];
const provider = (known: Providers) =>
  z.string().refine((id) => known.some((it) => it.id === id), 'is not a provider known here');

export const AgentConfigBody = z.object({
  agent_type: name.optional(),
  environment_type: name.nullable().optional(),
  system_instructions: z.string().max(200_000).nullable().optional(),
  enabled_tools: z
    .array(z.enum(toolGroups))
    .max(100)
    .transform((tools) => [...new Set(tools)])
    .optional(),
  llm_provider: z.string().optional(),
  llm_model: name.optional(),
  llm_config: object.optional(),
  llm_fallbacks: FallbackRefs.nullable()
    .optional()
    .describe('models to ask in turn when the model fails; null: those of the template or of the server'),
  mcp_servers: ToolProgramsInput.optional().describe(
    'tool servers as under mcp.servers in corral.yaml, with a command each',
  ),
});
export const createApiKeySchema = (known: Providers) =>
  z.object({
    provider: provider(known.filter(({ envKey }) => envKey !== null)),
    api_key: z
      .string()
      .max(4096)
      .transform((key) => key.trim())
      .refine((key) => /^[\x21-\x7e]+$/.test(key), 'must be visible ASCII characters'),
  });
