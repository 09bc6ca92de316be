import { expect, test } from 'vitest';
import { createToolRegistry } from '../../../../src/agents/tools/registry.ts';
import type { SessionAgent } from '../../../../src/core/model/session-agent.ts';
import { decidePermission } from '../../../../src/sessions/run/calls/approval.ts';
import type { AgentProfile } from '../../../../src/sessions/run/profile.ts';
import { buildSessionAgentProfile } from '../../../../src/sessions/run/session-agent-profile.ts';

const agent: SessionAgent = {
  name: 'Coder',
  instructions: 'You write code.',
  tools: ['bash', 'read', 'write'],
  clientTools: [{ name: 'get_weather', description: 'Weather', parameters: { type: 'object' } }],
  servers: [],
  approvals: [
    { action: 'deny', tool: 'mcp_github_drop' },
    { action: 'allow', tool: 'mcp_github_*' },
    { action: 'allow', tool: 'bash' },
  ],
  kept: {},
};
const usual = { tools: createToolRegistry() } as AgentProfile;
const profileWith = (more: Partial<AgentProfile>, denied: readonly string[] = []) =>
  buildSessionAgentProfile(agent, { usual: { ...usual, ...more }, denied, session: {} });
const namesOf = ({ tools }: Pick<AgentProfile, 'tools'>) => tools.declarations.map(({ name }) => name);

test('the session has the tools of its agent alone, and its instructions', () => {
  const profile = profileWith({});
  expect(namesOf(profile)).toEqual(['bash', 'read', 'write', 'get_weather']);
  expect(profile.prompt).toBe('You write code.');
});

test('the instructions say where the memory stores are, what they are for and whether the agent can write them', () => {
  const store = { store: 'memstore_1', folder: 'notes', access: 'read_write', name: 'Notes' } as const;
  const memoryStores = [
    { ...store, description: 'Of Alice.', instructions: 'Read it first.' },
    { ...store, folder: 'rules', access: 'read_only', name: 'Rules', description: '', instructions: null } as const,
  ];
  const { prompt } = buildSessionAgentProfile({ ...agent, memoryStores }, { usual, denied: [], session: {} });
  expect(prompt).toMatch(/^You write code\.\n\n# Memory\n/);
  expect(prompt?.split('\n').slice(-4)).toEqual([
    ...['- /mnt/memory/notes: Notes. Each change of a file in it is kept.', '  Of Alice.', '  Read it first.'],
    '- /mnt/memory/rules: Rules. You can only read it.',
  ]);
});

test('a tool that the server denies under its own name is missing, also in a group', () =>
  expect(namesOf(profileWith({}, ['shell_exec', 'file_write']))).toEqual(['read', 'get_weather']));

test('a tool of a server that the program turned off is not offered', () => {
  const { allows } = profileWith({});
  const offered = ['mcp_github_drop', 'mcp_github_get_issue'].filter((name) => allows?.({ name, group: 'always' }));
  expect(offered).toEqual(['mcp_github_get_issue']);
});

const call = (name: string, args: object = {}) => ({ callId: 'c1', name, args, begun: false });
const asks = (profile: ReturnType<typeof profileWith>, name: string, args: object = {}) =>
  decidePermission({ tools: profile.tools, approvals: profile.approvals as never }, call(name, args))?.kind;

test('the approvals of the server hold for the tool under its other name, before the rules of the program', () => {
  const approvals = { tools: [], rules: [{ action: 'ask', tool: 'shell_exec' }], timeoutMs: 1 } as const;
  expect(asks(profileWith({ approvals }), 'bash', { command: 'ls' })).toBe('ask');
  expect(asks(profileWith({ approvals: { tools: ['file_write'], rules: [], timeoutMs: 1 } }), 'write')).toBe('ask');
  expect(asks(profileWith({}), 'bash', { command: 'ls' })).toBeUndefined();
});

test('a call of a tool that the program carries out always waits', () =>
  expect(asks(profileWith({}), 'get_weather')).toBe('ask'));

test('with workers the tools of the sandbox have the same names and arguments, and wait for a result once they are permitted', () => {
  const own = buildSessionAgentProfile({ ...agent, environment: 'env_1' }, { usual, denied: [], session: {} });
  expect(own.tools.declarations).toEqual(profileWith({}).tools.declarations);
  expect(['bash', 'read', 'write'].map((name) => own.tools.find(name)?.needs)).toEqual([[], [], []]);
  const rules = { tools: own.tools, approvals: own.approvals as never };
  expect(decidePermission(rules, call('read'))).toMatchObject({ kind: 'ask', approval: { byClient: true } });

  const approvals = { tools: ['file_read'], rules: [], timeoutMs: 1 };
  const guarded = { usual: { ...usual, approvals }, denied: [], session: {} };
  const careful = buildSessionAgentProfile({ ...agent, environment: 'env_1' }, guarded);
  const carefully = { tools: careful.tools, approvals: careful.approvals as never };
  const decide = (verdict?: object) =>
    decidePermission(carefully, { ...call('read'), ...(verdict && { verdict: verdict as never }) });
  const first = decide();
  expect(first?.kind === 'ask' && first.approval?.byClient).toBeUndefined();
  expect(decide({ decision: 'approved' })).toMatchObject({ kind: 'ask', approval: { byClient: true } });
  expect(decide({ decision: 'approved', result: { output: 'x', isError: false } })).toBeUndefined();
  expect(decide({ decision: 'rejected' })).toMatchObject({ kind: 'refused' });
});

test('an agent with sub-agents delegates to them alone, unless the server denies it', () => {
  const subAgents = [{ name: 'Writer', description: 'Writes.', agent }];
  const of = (denied: readonly string[]) =>
    buildSessionAgentProfile({ ...agent, subAgents }, { usual, denied, session: {} });
  const tools = ['delegate', 'delegate_check', 'delegate_send', 'delegate_stop', 'delegate_take'];
  expect([namesOf(of([])), of([]).children]).toEqual([['bash', 'read', 'write', ...tools, 'get_weather'], 8]);
  const declared = of([]).tools.find('delegate');
  expect(declared?.description).toContain('- Writer: Writes.');
  const expected = { properties: { agent: { enum: ['Writer'] } }, required: ['agent', 'task'] };
  expect(declared?.parameters).toMatchObject(expected);
  expect(of(['delegate*']).children).toBeUndefined();
  expect(namesOf(of(['delegate*']))).toEqual(['bash', 'read', 'write', 'get_weather']);
  expect(profileWith({}).children).toBeUndefined();
});
