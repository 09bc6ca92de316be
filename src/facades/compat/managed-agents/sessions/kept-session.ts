import { z } from 'zod';
import type { SessionRecord } from '../../../../core/model/records.ts';
import type { SessionAgent, SubAgent } from '../../../../core/model/session-agent.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { toToolServerName } from '../resources/agent-content.ts';
import {
  AgentContent,
  builtInToolNames,
  defaultEffort,
  type ResolvedTool,
  type ToolPolicy,
} from '../resources/agent-shapes.ts';
import { type CloudConfig, type EnvironmentConfig, packageManagers } from '../resources/environments.ts';
import { withRoster } from '../resources/multiagent.ts';
import { MemoryStoreResource, toMountedStore } from './memory-resources.ts';
import type { AgentDetails } from './projection.ts';
import { RepositoryResource } from './repository-resources.ts';

const FileResource = z.object({
  id: z.string(),
  type: z.literal('file'),
  file_id: z.string(),
  mount_path: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
});

export const ManagedSessionContent = z.object({
  agentId: z.string(),
  version: z.int(),
  content: AgentContent,
  environmentId: z.string(),
  vaultIds: z.array(z.string()).default([]),
  deploymentId: z.string().nullable().default(null),
  archivedAt: z.number().nullable(),
  resources: z.array(z.discriminatedUnion('type', [FileResource, MemoryStoreResource, RepositoryResource])),
});
export type ManagedSessionContent = z.output<typeof ManagedSessionContent>;
export const parseManagedSessionContent = ({
  agent,
}: Pick<SessionRecord, 'agent'>): ManagedSessionContent | undefined =>
  ManagedSessionContent.safeParse(agent?.kept).data;

export interface RosterAgent extends Pick<ManagedSessionContent, 'agentId' | 'version' | 'content'> {
  readonly model: string;
}
export const toSessionRoster = ({ agent }: Pick<SessionRecord, 'agent'>): RosterAgent[] =>
  (agent?.subAgents ?? []).map(({ agent: own, model = '' }) => {
    const { agentId, version, content } = ManagedSessionContent.parse(own.kept);
    return { agentId, version, content, model };
  });

interface SessionRequest {
  readonly kept: ManagedSessionContent;
  readonly roster: readonly RosterAgent[];
  readonly config: EnvironmentConfig | undefined;
  /** The self-hosted environment. Updates to the agent do not change it. */
  readonly environment?: string | undefined;
  readonly files: SessionAgent['files'];
}
const isOn = ({ enabled }: { readonly enabled: boolean }) => enabled;

export function toSessionAgent({ kept, roster, config, environment, files }: SessionRequest): SessionAgent {
  const { content } = kept;
  const packages = config?.type === 'cloud' ? toPackages(config) : undefined;
  const stores = kept.resources.flatMap((one) => (one.type === 'memory_store' ? [toMountedStore(one)] : []));
  const workers = config?.type === 'self_hosted' ? kept.environmentId : environment;
  return {
    name: content.name,
    instructions: content.system,
    tools: [...content.tools.flatMap(toolNames), ...(content.skills.length > 0 ? ['skill_read'] : [])],
    clientTools: content.tools.flatMap((tool) =>
      tool.type === 'custom' ? [{ name: tool.name, description: tool.description, parameters: tool.input_schema }] : [],
    ),
    servers: content.mcp_servers.map(({ name, url }) => ({
      name: toToolServerName(name),
      url,
      tools: mcpTools(content.tools.find((tool) => tool.type === 'mcp_toolset' && tool.mcp_server_name === name)),
    })),
    vaults: kept.vaultIds,
    approvals: content.tools.flatMap(toApprovalRules),
    ...(packages && { packages }),
    ...(files && { files: [...files] }),
    ...(stores.length > 0 && { memoryStores: stores }),
    ...(content.skills.length > 0 && {
      skills: content.skills.map(({ skill_id: skill, version }) => ({ skill, version })),
    }),
    ...(workers !== undefined && { environment: workers }),
    ...(roster.length > 0 && { subAgents: toSubAgents(kept, roster) }),
    kept: { ...kept },
  };
}

/** Duplicate names get a numeric suffix. */
function toSubAgents(kept: ManagedSessionContent, roster: readonly RosterAgent[]): SubAgent[] {
  const names: string[] = [];
  return roster.map(({ agentId, version, model, content }) => {
    let name = content.name;
    for (let n = 2; names.includes(name); n++) name = `${content.name} ${n}`;
    names.push(name);
    const own = { ...kept, agentId, version, content, resources: [] };
    const agent = toSessionAgent({ kept: own, roster: [], config: undefined, files: undefined });
    return { name, description: content.description ?? '', model, agent };
  });
}

function toPackages({ packages }: CloudConfig): SessionAgent['packages'] {
  const requested = packageManagers.flatMap((manager) =>
    packages[manager].length > 0 ? [[manager, packages[manager]] as const] : [],
  );
  return requested.length > 0 ? Object.fromEntries(requested) : undefined;
}

function toolNames(tool: ResolvedTool): string[] {
  if (tool.type !== 'agent_toolset_20260401') return [];
  return builtInToolNames.filter((name) => isOn(tool.configs.find((one) => one.name === name) ?? tool.default_config));
}
/** If tools are on by default, approval rules deny the disabled ones. */
function mcpTools(tool: ResolvedTool | undefined): string[] {
  if (tool?.type !== 'mcp_toolset') return ['*'];
  if (!tool.default_config.enabled) return tool.configs.filter(isOn).map(({ name }) => name);
  return ['*'];
}

const actions = { always_allow: 'allow', always_ask: 'ask', auto: 'ask' } as const;
const actionOf = ({ type }: ToolPolicy) => actions[type];
/** Most specific first. A disabled tool is denied, even if its server offers it. */
function toApprovalRules(tool: ResolvedTool): SessionAgent['approvals'] {
  if (tool.type === 'custom') return [];
  const isMcp = tool.type === 'mcp_toolset';
  const prefix = isMcp ? `mcp_${toToolServerName(tool.mcp_server_name)}_` : '';
  const rule = (name: string, { enabled, permission_policy: policy }: (typeof tool)['default_config']) => ({
    action: enabled ? actionOf(policy) : ('deny' as const),
    tool: `${prefix}${name.toLowerCase().replaceAll(/[^a-z0-9_]/g, '_')}`.slice(0, 100),
  });
  const own = tool.configs.map((config) => rule(config.name, config));
  if (isMcp) return [...own, { ...rule('', tool.default_config), tool: `${prefix}*` }];
  return [...own, ...builtInToolNames.map((name) => rule(name, tool.default_config))];
}

export function readAgentDetails(record: SessionRecord): AgentDetails {
  const { agent } = record;
  const kept = parseManagedSessionContent(record);
  const content = kept?.content;
  return {
    ...(kept && { shown: () => toShownAgent(kept, record) }),
    name: agent?.name ?? record.parent?.role ?? record.template,
    customTools: new Set(agent?.clientTools.map(({ name }) => name)),
    servers: new Map(content?.mcp_servers.map(({ name }) => [toToolServerName(name), name])),
    subAgents: new Map(agent?.subAgents?.map((one) => [one.name, one.agent.name])),
  };
}

type KnownAgent = Pick<ManagedSessionContent, 'agentId' | 'version' | 'content'>;
function toThreadAgent({ agentId, version, content: { metadata: _, ...content } }: KnownAgent) {
  return { id: agentId, type: 'agent' as const, version, ...content };
}
const withoutRoster = <Agent extends { multiagent: unknown }>({ multiagent: _, ...agent }: Agent) => agent;

function toShownAgent(kept: ManagedSessionContent, record: SessionRecord) {
  const { multiagent, ...own } = toThreadAgent(kept);
  return {
    ...own,
    multiagent: withRoster(multiagent, toSessionRoster(record).map(toThreadAgent).map(withoutRoster)),
  };
}

export async function readSessionAgentView(
  record: SessionRecord,
  kept: ManagedSessionContent | undefined,
  sessions: Services['sessions'],
) {
  if (kept) return toShownAgent(kept, record);
  const model = record.model ?? (await sessions.agent(record.id).catch(() => undefined))?.model ?? 'unknown';
  return {
    id: `agent_server_${record.template}`,
    type: 'agent' as const,
    version: 1,
    name: record.template,
    description: null,
    system: null,
    model: { id: model, effort: defaultEffort, inference_geo: null, speed: 'standard' as const },
    tools: [],
    mcp_servers: [],
    skills: [],
    multiagent: null,
    execution_identity: { type: 'service_account' as const },
  };
}
