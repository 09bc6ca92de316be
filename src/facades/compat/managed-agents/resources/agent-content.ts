import type { z } from 'zod';
import { AppError } from '../../../../core/errors/errors.ts';
import type { StoredDocument } from '../../../../sessions/api/server/documents.ts';
import type { Services } from '../../../../sessions/api/services.ts';
import { invalidRequestError, unsupportedFieldError } from '../errors.ts';
import type { ApiRoutes } from '../route.ts';
import { applyMetadataChange, parseInput, readListPage, toApiTimes } from '../wire.ts';
import {
  AgentChange,
  AgentContent,
  type AgentOverrides,
  defaultEffort,
  type ModelInput,
  NewAgent,
  type ResolvedTool,
} from './agent-shapes.ts';
import { parseAgentSkills, resolveSkillVersions } from './agent-skills.ts';
import { type Multiagent, pinAgentVersions, toRoster, withRoster } from './multiagent.ts';

type CheckedAgent = Pick<NewAgent, 'tools' | 'mcp_servers' | 'execution_identity'>;

/** Fills in every field. Throws: invalid_request. */
export function createAgentContent(
  { name, model, description, system, metadata, ...input }: NewAgent,
  multiagent: Multiagent | null = null,
): AgentContent {
  refuseUnfit(input);
  const content = {
    name,
    description: orNull(description),
    system: orNull(system),
    model: resolvedModel(model),
    tools: (input.tools ?? []).map(resolvedTool),
    mcp_servers: input.mcp_servers ?? [],
    skills: parseAgentSkills(input.skills),
    multiagent,
    execution_identity: { type: 'service_account' as const },
    metadata: metadata ?? {},
  };
  checkServers(content);
  refuseHidden(content);
  return content;
}

/** Omitted fields keep their values. */
export function applyAgentChange(
  now: AgentContent,
  change: z.output<typeof AgentChange>,
  multiagent: Multiagent | null = now.multiagent,
): AgentContent {
  refuseUnfit(change);
  const { name, model, description, system, tools, mcp_servers: servers, skills, metadata } = change;
  const content = {
    ...now,
    multiagent,
    ...(name !== undefined && { name }),
    ...(model !== undefined && { model: resolvedModel(model, now.model) }),
    ...(description !== undefined && { description: orNull(description) }),
    ...(system !== undefined && { system: orNull(system) }),
    ...(tools !== undefined && { tools: (tools ?? []).map(resolvedTool) }),
    ...(servers !== undefined && { mcp_servers: servers ?? [] }),
    ...(skills !== undefined && { skills: parseAgentSkills(skills) }),
    ...(metadata && { metadata: applyMetadataChange(now.metadata, metadata) }),
  };
  checkServers(content);
  refuseHidden(content);
  return content;
}

export function applyOverrides(base: AgentContent, overrides: z.output<typeof AgentOverrides>): AgentContent {
  if (overrides.model === null) throw invalidRequestError('agent.model cannot be cleared.', 'agent_model_required');
  const { model, ...others } = overrides;
  const content = applyAgentChange(base, { ...others, ...(model !== undefined && { model }) });
  if (overrides.tools !== undefined && content.tools.length === 0 && content.skills.length > 0)
    throw invalidRequestError('agent.tools: an agent with skills needs tools. Clear skills too.');
  return content;
}

/** Refuses a tool that would hide one of the coordinator's delegation tools. */
function refuseHidden({ multiagent, tools }: AgentContent): void {
  const taken = tools.find((tool) => tool.type === 'custom' && multiagent && /^delegate(_|$)/.test(tool.name));
  if (taken?.type === 'custom')
    throw invalidRequestError(`tools: ${taken.name} is a tool of agents with multiagent. Choose another name.`);
}

function refuseUnfit({ execution_identity: identity, tools }: Partial<CheckedAgent>): void {
  if (identity && identity.type !== 'service_account')
    throw unsupportedFieldError('execution_identity', 'send {"type": "service_account"}');
  const names = (tools ?? []).flatMap((tool) => (tool.type === 'custom' ? [tool.name] : []));
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) throw invalidRequestError(`tools: there are two custom tools ${twice}.`);
  const sets = (tools ?? []).filter(({ type }) => type === 'agent_toolset_20260401');
  if (sets.length > 1) throw invalidRequestError('tools: agent_toolset_20260401 can be there once.');
}

export const toToolServerName = (name: string): string => name.toLowerCase().replaceAll(/[^a-z0-9]/g, '');

function checkServers({ tools, mcp_servers: servers }: Pick<AgentContent, 'tools' | 'mcp_servers'>): void {
  const used = tools.flatMap((tool) => (tool.type === 'mcp_toolset' ? [tool.mcp_server_name] : []));
  const known = servers.map(({ name }) => name);
  const unknown = used.find((name) => !known.includes(name));
  if (unknown !== undefined) throw invalidRequestError(`tools: mcp_servers has no server ${unknown}.`);
  const unused = known.find((name) => !used.includes(name));
  if (unused !== undefined)
    throw invalidRequestError(`mcp_servers: no mcp_toolset of tools uses the server ${unused}.`);
  const plain = known.map(toToolServerName);
  const same = plain.findIndex((name, n) => name === '' || plain.indexOf(name) !== n);
  if (same >= 0)
    throw invalidRequestError(
      `mcp_servers: ${known[same]} must differ from the other names by its letters and digits.`,
    );
  if (new Set(used).size !== used.length)
    throw invalidRequestError('tools: each server of mcp_servers has one mcp_toolset.');
}

const orNull = (text: string | null | undefined): string | null => (text === undefined || text === '' ? null : text);

function resolvedModel(input: z.output<typeof ModelInput>, now?: AgentContent['model']): AgentContent['model'] {
  const { id, effort, speed, inference_geo: geo } = { effort: undefined, speed: null, inference_geo: null, ...input };
  const keptEffort = now?.id === id ? now.effort : defaultEffort;
  if (speed === 'fast') throw unsupportedFieldError('model.speed "fast"', 'send "standard"');
  return {
    id,
    effort: effort === undefined ? keptEffort : (effort ?? defaultEffort),
    inference_geo: geo ?? null,
    speed: speed ?? 'standard',
  };
}

type ToolInput = NonNullable<NewAgent['tools']>[number];
function resolvedTool(tool: ToolInput): ResolvedTool {
  if (tool.type === 'custom') return tool;
  const { enabled, permission_policy: policy } = tool.default_config ?? {};
  const usual = tool.type === 'mcp_toolset' ? 'always_ask' : 'always_allow';
  const defaults = { enabled: enabled ?? true, permission_policy: policy ?? { type: usual } } as const;
  const own = <Config extends { enabled?: boolean | null | undefined; permission_policy?: unknown }>(
    config: Config,
  ) => ({
    ...config,
    enabled: config.enabled ?? defaults.enabled,
    permission_policy: (config.permission_policy as typeof policy) ?? defaults.permission_policy,
  });
  if (tool.type === 'mcp_toolset')
    return {
      type: tool.type,
      mcp_server_name: tool.mcp_server_name,
      default_config: defaults,
      configs: (tool.configs ?? []).map(own),
    };
  return {
    type: tool.type,
    default_config: defaults,
    configs: (tool.configs ?? []).map((config) => ({ ...own(config), type: config.name })),
  };
}

type Documents = Services['documents'];

export const toAgent = ({ id, version, content, createdAt, updatedAt, archivedAt }: StoredDocument) => ({
  id,
  type: 'agent' as const,
  version,
  ...shownContent(AgentContent.parse(content), { id, version }),
  ...toApiTimes({ createdAt, updatedAt, archivedAt }),
});

function shownContent(content: AgentContent, own: { readonly id: string; readonly version: number }) {
  const entries = toRoster(content.multiagent).map((entry) =>
    entry.type === 'self' ? { ...own, ...agentType } : entry,
  );
  return { ...content, multiagent: withRoster(content.multiagent, entries) };
}
const agentType = { type: 'agent' as const };

/** Rejects: not_found, also if the id belongs to a document of another kind. */
export async function readDocument(documents: Documents, kind: StoredDocument['kind'], id: string, version?: number) {
  const doc = await documents.get(id, version);
  if (doc.kind !== kind) throw new AppError('not_found', `There is no ${kind} ${id}.`);
  return doc;
}

/** Archiving an agent also archives its deployments. */
export function createAgentRoutes(
  { documents, skills }: Pick<Services, 'documents' | 'skills'>,
  archiveDeploymentsOf: (agent: string) => Promise<void>,
): ApiRoutes {
  const anAgent = (id: string, version?: number) => readDocument(documents, 'agent', id, version);
  return {
    'POST /v1/agents': {
      least: 'create',
      async run({ body }) {
        const input = parseInput(NewAgent, body);
        const content = createAgentContent(input, await pinAgentVersions(input.multiagent ?? null, { agent: anAgent }));
        await resolveSkillVersions(content.skills, skills);
        return toAgent(await documents.create({ kind: 'agent', content }));
      },
    },
    async 'GET /v1/agents'({ query }) {
      const isWithin = query.within('created_at');
      const read = async () =>
        (await documents.list('agent')).filter((doc) => query.shows(doc) && isWithin(doc.createdAt));
      return await readListPage({ query, name: 'agents', read, show: toAgent });
    },
    async 'GET /v1/agents/:id'({ params: { id = '' }, query }) {
      const version = query.integer('version', { min: 1, max: 999_999_999, usual: 0 });
      return toAgent(await readDocument(documents, 'agent', id, version === 0 ? undefined : version));
    },
    async 'POST /v1/agents/:id'({ params: { id = '' }, body }) {
      const { version, ...change } = parseInput(AgentChange, body);
      const now = await readDocument(documents, 'agent', id);
      if (version !== undefined && version !== now.version)
        throw new AppError(
          'conflict',
          `The agent has version ${now.version} now, not ${version}. Read it again first.`,
        );
      if (now.archivedAt !== null)
        throw invalidRequestError('The agent is archived and cannot be changed.', 'agent_archived');
      const before = AgentContent.parse(now.content);
      const { multiagent } = change;
      const roster =
        multiagent === undefined
          ? before.multiagent
          : await pinAgentVersions(multiagent, { id, now: before.multiagent, agent: anAgent });
      const content = applyAgentChange(before, change, roster);
      if (change.skills) await resolveSkillVersions(content.skills, skills);
      return toAgent(await documents.update(id, { content, version: now.version }));
    },
    async 'GET /v1/agents/:id/versions'({ params: { id = '' }, query }) {
      await readDocument(documents, 'agent', id);
      const read = async () => (await documents.versions(id)).map((doc) => ({ doc, id: String(doc.version) }));
      return await readListPage({ query, name: `versions ${id}`, read, show: ({ doc }) => toAgent(doc) });
    },
    async 'POST /v1/agents/:id/archive'({ params: { id = '' } }) {
      await readDocument(documents, 'agent', id);
      const archived = await documents.update(id, { archived: true });
      await archiveDeploymentsOf(id);
      return toAgent(archived);
    },
  };
}
