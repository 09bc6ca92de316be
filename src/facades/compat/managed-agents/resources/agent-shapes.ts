import { z } from 'zod';
import { Metadata, MetadataChange } from '../wire.ts';
import { AgentSkill, SkillsInput } from './agent-skills.ts';
import { Multiagent, MultiagentInput } from './multiagent.ts';

// Agents in two forms: as clients send them, and as stored, with every field filled in.

export const builtInToolNames = ['bash', 'edit', 'read', 'write', 'glob', 'grep', 'web_fetch', 'web_search'] as const;
const Policy = z.strictObject({ type: z.enum(['always_allow', 'always_ask', 'auto']) });
export type ToolPolicy = z.output<typeof Policy>;
const efforts = ['low', 'medium', 'high', 'xhigh', 'max'] as const;
export const defaultEffort = { type: 'high' } as const;
const Effort = z
  .union([z.enum(efforts), z.strictObject({ type: z.enum(efforts) })])
  .transform((input) => (typeof input === 'string' ? { type: input } : input));
const modelName = z.string().min(1).max(200);
export const ModelInput = z.union([
  modelName.transform((id) => ({ id })),
  z.strictObject({
    id: modelName,
    effort: Effort.nullable().optional(),
    speed: z.enum(['standard', 'fast']).nullable().optional(),
    inference_geo: z.string().max(100).nullable().optional(),
  }),
]);

const Defaults = z
  .strictObject({ enabled: z.boolean().nullable().optional(), permission_policy: Policy.nullable().optional() })
  .nullable()
  .optional();
const domains = z.array(z.string().min(1).max(253)).min(1).max(64).nullable().optional();
const BuiltInConfig = z
  .strictObject({
    name: z.enum(builtInToolNames),
    type: z.enum(builtInToolNames).optional(),
    enabled: z.boolean().nullable().optional(),
    permission_policy: Policy.nullable().optional(),
    allowed_domains: domains,
    blocked_domains: domains,
    user_location: z.record(z.string(), z.unknown()).nullable().optional(),
    max_content_tokens: z.int().min(1).nullable().optional(),
    url_sources: z.array(z.unknown()).nullable().optional(),
  })
  .refine(({ name, type }) => type === undefined || type === name, 'type must be the name of the tool')
  .refine(
    ({ allowed_domains: a, blocked_domains: b }) => !(a && b),
    'has allowed_domains or blocked_domains, not both',
  );
const Toolset = z.strictObject({
  type: z.literal('agent_toolset_20260401'),
  default_config: Defaults,
  configs: z.array(BuiltInConfig).max(128).nullable().optional(),
});
const McpToolset = z.strictObject({
  type: z.literal('mcp_toolset'),
  mcp_server_name: z.string().min(1).max(255),
  default_config: Defaults,
  configs: z
    .array(
      z.strictObject({
        name: z.string().min(1).max(255),
        enabled: z.boolean().nullable().optional(),
        permission_policy: Policy.nullable().optional(),
      }),
    )
    .max(128)
    .nullable()
    .optional(),
});
const InputSchema = z
  .looseObject({
    type: z.literal('object'),
    properties: z.record(z.string(), z.unknown()).nullable().optional(),
    required: z.array(z.string()).nullable().optional(),
  })
  .refine(
    (schema) => !['oneOf', 'anyOf', 'allOf'].some((word) => word in schema),
    'has no oneOf, anyOf, allOf at its top',
  )
  .refine((schema) => !JSON.stringify(schema).includes('"$ref"'), 'has no $ref');
const CustomTool = z.strictObject({
  type: z.literal('custom'),
  name: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,128}$/, 'must have 1 to 128 letters, digits, _ and -')
    .refine((name) => !builtInToolNames.some((one) => one === name), 'is the name of a built-in tool')
    .refine((name) => !name.startsWith('mcp_'), 'must not begin with mcp_'),
  description: z.string().min(1).max(10_000),
  input_schema: InputSchema,
});
const ToolInput = z.discriminatedUnion('type', [Toolset, McpToolset, CustomTool]);
const McpServer = z.strictObject({
  type: z.literal('url'),
  name: z.string().min(1).max(255),
  url: z.url({ protocol: /^https?$/ }).max(2_048),
});

const text = (most: number) => z.string().max(most).nullable().optional();
const fields = {
  description: text(2_048),
  system: text(100_000),
  tools: z.array(ToolInput).max(256).nullable().optional(),
  mcp_servers: z.array(McpServer).max(20).nullable().optional(),
  skills: SkillsInput,
  multiagent: MultiagentInput,
  execution_identity: z.looseObject({ type: z.string() }).nullable().optional(),
};
export const NewAgent = z.strictObject({
  ...fields,
  name: z.string().min(1).max(256),
  model: ModelInput,
  metadata: Metadata.nullable().optional(),
});
export type NewAgent = z.output<typeof NewAgent>;
export const AgentChange = NewAgent.partial().extend({
  metadata: MetadataChange.nullable().optional(),
  version: z.int().min(1).optional(),
});
export const AgentOverrides = z.strictObject({
  model: ModelInput.nullable().optional(),
  system: fields.system,
  tools: fields.tools,
  mcp_servers: fields.mcp_servers,
  skills: fields.skills,
});

const Config = z.object({ enabled: z.boolean(), permission_policy: Policy });
const ResolvedTool = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('agent_toolset_20260401'),
    default_config: Config,
    configs: z.array(
      z.looseObject({ ...Config.shape, type: z.enum(builtInToolNames), name: z.enum(builtInToolNames) }),
    ),
  }),
  z.object({
    type: z.literal('mcp_toolset'),
    mcp_server_name: z.string(),
    default_config: Config,
    configs: z.array(Config.extend({ name: z.string() })),
  }),
  z.object({ type: z.literal('custom'), name: z.string(), description: z.string(), input_schema: z.looseObject({}) }),
]);
export type ResolvedTool = z.output<typeof ResolvedTool>;
export const AgentContent = z.object({
  name: z.string(),
  description: z.string().nullable(),
  system: z.string().nullable(),
  model: z.object({
    id: z.string(),
    effort: z
      .object({ type: z.enum(efforts) })
      .nullable()
      .transform((effort) => effort ?? defaultEffort),
    inference_geo: z.string().nullable(),
    speed: z.enum(['standard', 'fast']),
  }),
  tools: z.array(ResolvedTool),
  mcp_servers: z.array(McpServer),
  skills: z.array(AgentSkill),
  multiagent: Multiagent.nullable(),
  execution_identity: z.object({ type: z.literal('service_account') }),
  metadata: z.record(z.string(), z.string()),
});
export type AgentContent = z.output<typeof AgentContent>;
