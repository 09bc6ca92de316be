import { expect, test } from 'vitest';
import {
  applyAgentChange,
  createAgentContent,
  toAgent,
} from '../../../../src/facades/compat/managed-agents/resources/agent-content.ts';
import { AgentChange, NewAgent } from '../../../../src/facades/compat/managed-agents/resources/agent-shapes.ts';
import { unrestrictedConfig } from '../../../../src/facades/compat/managed-agents/resources/environments.ts';
import { createModelRoutes, findModelRef } from '../../../../src/facades/compat/managed-agents/resources/models.ts';
import { toApiRoute } from '../../../../src/facades/compat/managed-agents/route.ts';
import {
  toSessionAgent,
  toSessionRoster,
} from '../../../../src/facades/compat/managed-agents/sessions/kept-session.ts';
import {
  applyMetadataChange,
  paginate,
  parseInput,
  QueryParameters,
} from '../../../../src/facades/compat/managed-agents/wire.ts';
import type { StoredDocument } from '../../../../src/sessions/api/server/documents.ts';
import type { Services } from '../../../../src/sessions/api/services.ts';

const made = (more: object) => createAgentContent(parseInput(NewAgent, { name: 'Coder', model: 'claude-x', ...more }));
const skill = { type: 'custom', skill_id: 'skill_1' };
const toolset = { type: 'agent_toolset_20260401' };

test('an agent has every field, and each tool its policy', () =>
  expect(
    made({ tools: [{ ...toolset, configs: [{ name: 'bash', permission_policy: { type: 'always_ask' } }] }] }),
  ).toEqual({
    name: 'Coder',
    description: null,
    system: null,
    model: { id: 'claude-x', effort: { type: 'high' }, inference_geo: null, speed: 'standard' },
    tools: [
      {
        type: 'agent_toolset_20260401',
        default_config: { enabled: true, permission_policy: { type: 'always_allow' } },
        configs: [{ type: 'bash', name: 'bash', enabled: true, permission_policy: { type: 'always_ask' } }],
      },
    ],
    mcp_servers: [],
    skills: [],
    multiagent: null,
    execution_identity: { type: 'service_account' },
    metadata: {},
  }));

test('an agent that is in its own roster is shown there by its id, and others as they are stored', () => {
  const other = { type: 'agent' as const, id: 'agent_b', version: 1 };
  const content = createAgentContent(parseInput(NewAgent, { name: 'Lead', model: 'claude-x' }), {
    type: 'coordinator',
    agents: [{ type: 'self' }, other],
  });
  const kept = { id: 'agent_a', kind: 'agent' as const, version: 4, createdAt: 0, updatedAt: 0, archivedAt: null };
  const expected = { type: 'coordinator', agents: [{ type: 'agent', id: 'agent_a', version: 4 }, other] };
  expect(toAgent({ ...kept, content } as StoredDocument).multiagent).toEqual(expected);
});

test('a change keeps what it leaves out, and the effort while the model stays', () => {
  const now = made({ model: { id: 'claude-x', effort: 'low' }, system: 'One', metadata: { a: '1', b: '2' } });
  const change = (more: object) => applyAgentChange(now, parseInput(AgentChange, more));
  expect(change({ model: 'claude-x' }).model.effort).toEqual({ type: 'low' });
  expect([change({ model: 'claude-y' }).model.effort, change({ system: '' }).system]).toEqual([{ type: 'high' }, null]);
  expect(change({ metadata: { a: null, c: '3' } })).toMatchObject({ system: 'One', metadata: { b: '2', c: '3' } });
});

test.each([
  [
    'a custom tool with the name of a built-in one',
    { tools: [{ type: 'custom', name: 'bash', description: 'x', input_schema: { type: 'object' } }] },
  ],
  [
    'a tool server that no toolset uses',
    { mcp_servers: [{ type: 'url', name: 'github', url: 'https://mcp.example/' }] },
  ],
  ['a toolset without its server', { tools: [{ type: 'mcp_toolset', mcp_server_name: 'github' }] }],
  ['a skill of Anthropic', { skills: [{ type: 'anthropic', skill_id: 'xlsx' }] }],
  ['a skill thatis declared twice', { skills: [skill, { ...skill, version: 'skillver_1' }] }],
  ['a skill without an id', { skills: [{ type: 'custom' }] }],
  ['too many skills', { skills: Array.from({ length: 51 }, (_, n) => ({ ...skill, skill_id: `skill_${n}` })) }],
  ['a roster of nobody', { multiagent: { type: 'coordinator', agents: [] } }],
  ['a field that the API does not have', { colour: 'red' }],
  ['a fast model', { model: { id: 'claude-x', speed: 'fast' } }],
])('an agent with %s is refused', (_, more) =>
  expect(() => made(more)).toThrow(expect.objectContaining({ code: 'invalid_request' })),
);

test('an agent keeps which version of a skill it wants, and a change that names skills replaces them', () => {
  const now = made({ skills: [skill, { ...skill, skill_id: 'skill_2', version: 'skillver_2' }] });
  expect(now.skills).toEqual([
    { ...skill, version: 'latest' },
    { ...skill, skill_id: 'skill_2', version: 'skillver_2' },
  ]);
  const change = (more: object) => applyAgentChange(now, parseInput(AgentChange, more)).skills;
  expect(change({ name: 'Other' })).toEqual(now.skills);
  expect([change({ skills: [skill] }), change({ skills: null })]).toEqual([[{ ...skill, version: 'latest' }], []]);
});

const kept = {
  ...{ agentId: 'agent_1', version: 1, environmentId: 'env_1', vaultIds: ['vlt_1'] },
  ...{ deploymentId: null, archivedAt: null, resources: [] },
};

test('the session has the tools that are on, the rules of their policies, and the packages of its environment', () => {
  const content = made({
    mcp_servers: [{ type: 'url', name: 'Git-Hub', url: 'https://mcp.example/' }],
    tools: [
      { ...toolset, default_config: { enabled: false }, configs: [{ name: 'read', enabled: true }] },
      {
        type: 'mcp_toolset',
        mcp_server_name: 'Git-Hub',
        configs: [{ name: 'get_issue', permission_policy: { type: 'always_allow' } }],
      },
      { type: 'custom', name: 'get_weather', description: 'x', input_schema: { type: 'object' } },
    ],
  });
  const config = { ...unrestrictedConfig, packages: { ...unrestrictedConfig.packages, pip: ['pandas'] } };
  const agent = toSessionAgent({ kept: { ...kept, content }, roster: [], config, files: undefined });
  expect(agent).toMatchObject({
    tools: ['read'],
    clientTools: [{ name: 'get_weather' }],
    servers: [{ name: 'github', url: 'https://mcp.example/', tools: ['*'] }],
    packages: { pip: ['pandas'] },
    vaults: ['vlt_1'],
  });
  const actionOf = (tool: string) => agent.approvals.find((rule) => rule.tool === tool)?.action;
  expect([actionOf('read'), actionOf('bash')]).toEqual(['allow', 'deny']);
  expect([actionOf('mcp_github_get_issue'), actionOf('mcp_github_*')]).toEqual(['allow', 'ask']);
});

test('a coordinator has its roster as agents of their own, each by a name, and no tool of its program hides theirs', () => {
  const [content, other] = [made({ tools: [toolset] }), made({ name: 'Coder', description: 'Codes', system: 'Hi' })];
  const roster = [content, other].map((one, n) => ({ agentId: `agent_${n}`, version: 1, model: 'a/b', content: one }));
  const agent = toSessionAgent({ kept: { ...kept, content }, roster, config: undefined, files: undefined });
  expect(agent.subAgents?.map(({ name, description, model }) => [name, description, model])).toEqual([
    ['Coder', '', 'a/b'],
    ['Coder 2', 'Codes', 'a/b'],
  ]);
  const expected = { name: 'Coder', instructions: 'Hi', tools: [], vaults: ['vlt_1'] };
  expect(agent.subAgents?.[1]?.agent).toMatchObject(expected);
  expect(toSessionRoster({ agent })).toEqual(roster);
  const tools = [{ type: 'custom', name: 'delegate_check', description: 'x', input_schema: { type: 'object' } }];
  const input = parseInput(NewAgent, { name: 'Lead', model: 'claude-x', tools });
  expect(() => createAgentContent(input, { type: 'coordinator', agents: [{ type: 'self' }] })).toThrow(
    'delegate_check',
  );
});

test('a list is read page by page, and a cursor of another list is refused', () => {
  const items = ['a', 'b', 'c', 'd', 'e'].map((id) => ({ id }));
  const first = paginate(items, { limit: 2, page: undefined, name: 'x' });
  const second = paginate(items, { limit: 2, page: first.next_page ?? '', name: 'x' });
  const third = paginate(items, { limit: 2, page: second.next_page ?? '', name: 'x' });
  expect([first, second, third].flatMap(({ data }) => data)).toEqual(items);
  expect([first.prev_page, third.next_page]).toEqual([null, null]);
  expect(paginate(items, { limit: 2, page: third.prev_page ?? '', name: 'x' }).data).toEqual(second.data);
  expect(() => paginate(items, { limit: 2, page: first.next_page ?? '', name: 'y' })).toThrow('no cursor');
});

test('queries have lists, ranges and times without a zone', () => {
  const query = new QueryParameters(
    '/v1/sessions?statuses[]=idle&statuses[]=running&created_at[gte]=2026-01-01T00:00:00',
  );
  expect(query.all('statuses')).toEqual(['idle', 'running']);
  const isWithin = query.within('created_at');
  expect([Date.UTC(2026, 0, 1), Date.UTC(2025, 11, 31)].map(isWithin)).toEqual([true, false]);
});

test('metadata of more than 16 names is refused, also by a patch', () => {
  const now = Object.fromEntries(Array.from({ length: 16 }, (_, n) => [`n${n}`, '1']));
  expect(() => applyMetadataChange(now, { more: '1' })).toThrow('16');
  expect(applyMetadataChange(now, { n0: null, more: '1' })).toMatchObject({ more: '1' });
});

const models = {
  offered: async () => [
    { provider: 'anthropic', models: [{ id: 'claude-sonnet-5-5', name: 'Sonnet' }] },
    { provider: 'local', models: [{ id: 'qwen3', name: 'Qwen' }] },
  ],
} as unknown as Services['models'];

async function retrieved(name: string, names: readonly string[]) {
  const { 'GET /v1/models/*': route } = createModelRoutes({ models }, { models: [...names] });
  return await toApiRoute(route as never).run({ params: { '*': name } } as never);
}

test('a name for which another model stands is found, as sessions find it', async () => {
  const settings = { models: ['claude-*=local/qwen3', 'fast=anthropic/claude-sonnet-5-5'] };
  expect(await findModelRef('claude-opus-5', { models, settings })).toBe('local/qwen3');
  const expected = { id: 'claude-opus-5', display_name: 'Qwen' };
  expect(await retrieved('claude-opus-5', settings.models)).toMatchObject(expected);
  expect(await retrieved('fast', settings.models)).toMatchObject({ id: 'fast', display_name: 'Sonnet' });
});

test('a name that no provider and no setting has is missing', async () => {
  expect(await retrieved('claude-sonnet-5-5', [])).toMatchObject({ display_name: 'Sonnet' });
  await expect(retrieved('claude-opus-5', [])).rejects.toMatchObject({ code: 'not_found' });
  await expect(retrieved('fast', ['fast=gone/model'])).rejects.toMatchObject({ code: 'not_found' });
});
