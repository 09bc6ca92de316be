import { expect, test } from 'vitest';
import { createDemoModel } from '../../../../src/agents/models/demo/demo.ts';
import type { Model } from '../../../../src/agents/models/model.ts';
import { MissingKeyError, toModelChain } from '../../../../src/agents/models/registry.ts';
import { type ComputerToolVariant, computerTools } from '../../../../src/agents/tools/list.ts';
import { createToolRegistry } from '../../../../src/agents/tools/registry.ts';
import { toolGroups } from '../../../../src/agents/tools/tool.ts';
import { parseTemplate } from '../../../../src/app/settings/templates.ts';
import { createKeyedQueue } from '../../../../src/core/concurrency/keyed-queue.ts';
import { AppError } from '../../../../src/core/errors/errors.ts';
import type { SessionRecord } from '../../../../src/core/model/records.ts';
import type { ToolProgram } from '../../../../src/core/model/tool-server.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import type { TemplateInfo } from '../../../../src/sessions/api/server/templates.ts';
import { createAgentConfigService } from '../../../../src/sessions/projects/agent-config.ts';
import { createAgentProfileResolver } from '../../../../src/sessions/projects/agent-profile.ts';
import { createModelResolver, listSupportedProviders } from '../../../../src/sessions/projects/providers.ts';
import type { AgentProfile } from '../../../../src/sessions/run/profile.ts';
import { createInMemoryStore } from '../../../../src/storage/memory/store.ts';
import { templates } from '../../../support/agents/templates.ts';

const server = (name: string, command = 'npx') =>
  ({ name, command, args: [], env: {}, tools: ['*'], timeoutMs: 60_000 }) satisfies ToolProgram;
const parts = { fallbacks: [], toolServers: [server('docs')], tools: createToolRegistry() };
const usual = { ...parts, model: createDemoModel(), plans: true };
const never = new AbortController().signal;
const named = (name: string): Model => ({ ...createDemoModel(), name });
async function start(
  modelFor: (name: string) => Promise<Model> = async (name) => named(name),
  checkModel: (ref: string) => void = () => {},
) {
  const agents = createAgentConfigService({
    records: createInMemoryStore().records,
    newId: () => 'a',
    templates,
    providers: async () => listSupportedProviders({}),
    model: 'gemini/gemini-2.5-flash',
    checkModel,
  });
  await agents.create('p');
  const profileOf = createAgentProfileResolver({ agents, templates, usualOf: () => usual, modelFor });
  const of = (projectId: string | null, model?: string, named?: string) =>
    profileOf({ projectId, model, template: named ?? 'default', templateBy: named && 'session' } as SessionRecord);
  return { agents, of, profileOf };
}

test("a project's session works with its model, prompt and tools, without a plan", async () => {
  const { agents, of } = await start();
  await agents.update('p', { tools: ['bash', 'search'], prompt: 'Be brief.', model: 'gemini-2.5-pro' });
  const { model, tools, plans, prompt } = await of('p');
  expect([model.name, plans, prompt]).toEqual(['gemini/gemini-2.5-pro', false, 'Be brief.']);
  const expected = [
    ...['file_find_by_name', 'file_find_in_content', 'message_ask_user', 'message_notify_user'],
    ...['open_pull_request', 'skill_read', 'memory_list', 'memory_read', 'memory_write', 'memory_delete'],
    ...['delegate', 'delegate_check', 'delegate_send', 'delegate_stop', 'delegate_take', 'shell_exec'],
    ...['shell_kill_process', 'shell_view', 'shell_wait', 'shell_write_to_process', 'todo'],
  ];
  expect(tools.declarations.map(({ name }) => name).sort()).toEqual(expected.sort());
  expect(tools.find('file_write')).toBeUndefined();
});

test("a session's own model precedes those of its project and server", async () => {
  const { of } = await start();
  expect(await of(null, 'local/qwen3')).toMatchObject({ model: { name: 'local/qwen3' }, plans: usual.plans });
  expect(await of('p', 'local/qwen3')).toMatchObject({ model: { name: 'local/qwen3' }, plans: false });
});

test('a change counts from the next turn on; a session without a project, also after its end, works as configured', async () => {
  const { agents, of } = await start();
  expect(await of(null)).toBe(usual);
  await agents.update('p', { provider: 'demo', model: 'demo', prompt: null });
  const profile = await of('p');
  expect([profile.model.name, profile.plans, profile.prompt]).toEqual(['demo', true, undefined]);
  await agents.delete('p');
  expect(await of('p')).toBe(usual);
});

test('a profile has its sampling options, and an unknown option is refused', async () => {
  const { agents, of } = await start();
  expect((await of('p')).sampling).toBeUndefined();
  await agents.update('p', { options: { temperature: 0.5, max_tokens: 100 } });
  expect((await of('p')).sampling).toEqual({ temperature: 0.5, maxOutputTokens: 100 });
  await expect(agents.update('p', { options: { stream: true } })).rejects.toMatchObject({ code: 'invalid_request' });
});

test.each([
  [new AppError('store_corrupt', 'not readable.'), 'model_unauthorized', 'gemini: not readable.'],
  [new AppError('invalid_request', 'Its provider was removed.'), 'model_unknown', 'Its provider was removed.'],
  [new MissingKeyError('gemini/x', 'A_KEY'), 'model_unauthorized', expect.stringContaining('gemini/x needs a key')],
] as const)('a model that cannot be created fails only the turn that uses it: %s', async (thrown, code, message) => {
  const { of } = await start(() => Promise.reject(thrown));
  const { model } = await of('p');
  const outcome = { kind: 'failed', code, message, retryable: false };
  expect(await Array.fromAsync(model.turn({} as never, never))).toMatchObject([{ type: 'end', outcome }]);
});

test('an unknown provider is refused, and changes nothing', async () => {
  const { agents } = await start();
  const before = await agents.get('p');
  const unknown = agents.update('p', { provider: 'nobody', tools: [] });
  await expect(unknown).rejects.toMatchObject({ code: 'invalid_request' });
  expect(await agents.get('p')).toEqual(before);
  await expect(agents.get('q')).rejects.toMatchObject({ code: 'not_found' });
});

const namesOf = ({ tools }: AgentProfile) => tools.declarations.map(({ name }) => name);

test('a session without a project works by its template', async () => {
  const { of } = await start();
  const profile = await of(null, undefined, 'code_reviewer');
  expect([profile.model, profile.plans]).toEqual([usual.model, true]); // the demo model always plans
  expect(profile.prompt).toContain('change none of it');
  expect(namesOf(profile)).toEqual(expect.arrayContaining(['shell_exec', 'file_read', 'todo', 'message_ask_user']));
  expect(namesOf(profile)).not.toContain('file_write');
  expect((await of(null, 'local/qwen3', 'code_reviewer')).plans).toBe(false);
  expect((await of(null, 'local/qwen3', 'plan_act')).plans).toBe(true);
});

test("a session that names a template uses it instead of its project's, below the project's own changes", async () => {
  const { agents, profileOf } = await start();
  await agents.apply('p', templates.get('minimal'));
  const session = { projectId: 'p', template: 'code_reviewer', templateBy: 'session' } as SessionRecord;
  const reviewing = await profileOf(session);
  expect(reviewing.prompt).toContain('change none of it');
  expect(namesOf(reviewing)).toContain('file_find_by_name');
  expect(namesOf(reviewing)).not.toContain('file_write');
  await agents.update('p', { prompt: 'Be brief.', tools: ['bash', 'file_edit'] });
  const changed = await profileOf(session);
  expect(changed.prompt).toBe('Be brief.');
  expect(namesOf(changed)).toEqual(expect.arrayContaining(['shell_exec', 'file_edit', 'file_find_by_name']));
  expect(namesOf(changed)).not.toContain('file_read');
});

/** Profiles with one more template, whose models are named by their whole chain. */
async function withTemplate(yaml: string) {
  const house: TemplateInfo = { ...parseTemplate('house', yaml, 'house.yaml'), groups: [...toolGroups] };
  const find = (name: string) => (name === 'house' ? house : templates.find(name));
  const { agents } = await start();
  const modelFor = async (name: string, fallbacks: readonly string[] = []) => named([name, ...fallbacks].join(' > '));
  const profileOf = createAgentProfileResolver({ agents, templates: { find }, usualOf: () => usual, modelFor });
  const of = (more: Partial<SessionRecord>) =>
    profileOf({ projectId: null, template: 'house', templateBy: 'session', ...more } as SessionRecord);
  return { agents, house, of };
}

test('the model of the session precedes that of the project, which precedes that of the template and of the server', async () => {
  const { agents, of } = await withTemplate('model: openai/template\nmodels: {fallbacks: [gemini/second]}');
  const nameOf = async (more: Partial<SessionRecord>) => (await of(more)).model.name;
  expect(await nameOf({ templateBy: undefined, template: 'default' })).toBe('demo');
  expect(await nameOf({})).toBe('openai/template > gemini/second');
  expect(await nameOf({ projectId: 'p' })).toBe('openai/template > gemini/second'); // it has chosen none yet
  await agents.update('p', { model: 'project' });
  expect(await nameOf({ projectId: 'p' })).toBe('gemini/project > gemini/second');
  expect(await nameOf({ projectId: 'p', model: 'local/own' })).toBe('local/own > gemini/second');
  const own = { projectId: 'p', model: 'local/own', fallbacks: ['openai/third'] };
  expect(await nameOf(own)).toBe('local/own > openai/third');
  await agents.update('p', { fallbacks: ['openai/of-project'] });
  expect(await nameOf({ projectId: 'p' })).toBe('gemini/project > openai/of-project');
  expect(await nameOf({ projectId: 'p', fallbacks: ['openai/third'] })).toBe('gemini/project > openai/third');
  await agents.update('p', { fallbacks: null });
  expect(await nameOf({ projectId: 'p' })).toBe('gemini/project > gemini/second');
  expect((await of({ fallbacks: [] })).fallbacks).toEqual([]);
});

test("a project takes its template's model until it chooses one itself", async () => {
  const { agents, house } = await withTemplate('model: openai/template');
  expect(await agents.apply('p', house)).toMatchObject({ provider: 'openai', model: 'template', template: 'house' });
  await agents.update('p', { provider: 'gemini', model: 'mine' });
  expect(await agents.apply('p', house)).toMatchObject({ provider: 'gemini', model: 'mine' });
});

test('a template brings the tools for keyboard and mouse in the shape that its model knows', async () => {
  const { agents } = await start();
  const computers = (shape: ComputerToolVariant) => computerTools[shape];
  const modelFor = async (name: string) => named(name);
  const profileOf = createAgentProfileResolver({ agents, templates, usualOf: () => usual, computers, modelFor });
  const of = (model: string, template: string) =>
    profileOf({ projectId: null, model, template, templateBy: 'session' } as SessionRecord);
  expect(namesOf(await of('anthropic/x', 'computer_use'))).toContain('computer');
  expect(namesOf(await of('gemini/x', 'computer_use'))).toContain('click_at');
  expect(namesOf(await of('gemini/x', 'computer_use'))).not.toContain('computer');
  expect(namesOf(await of('anthropic/x', 'plan_act'))).not.toContain('computer');
});

test('the tool servers of server, template, project and session add up, and of one name the last one counts', async () => {
  const { agents, of } = await withTemplate('mcp: {servers: {docs: {command: node}, files: {command: node}}}');
  const namesOf = async (more: Partial<SessionRecord>) =>
    (await of(more)).toolServers.map((it) => `${it.name} ${'command' in it ? it.command : ''}`);
  expect(await namesOf({ templateBy: undefined, template: 'default' })).toEqual(['docs npx']);
  expect(await namesOf({})).toEqual(['docs node', 'files node']);
  const expected = ['docs node', 'files deno', 'more npx'];
  expect(await namesOf({ toolServers: [server('files', 'deno'), server('more')] })).toEqual(expected);
  await agents.update('p', { toolServers: [server('docs', 'bun'), server('own')] });
  const both = { projectId: 'p', toolServers: [server('own', 'deno')] };
  expect(await namesOf(both)).toEqual(['docs bun', 'files node', 'own deno']);
});

test("a template's limits and approvals are in its sessions' profile, and no others", async () => {
  const { of } = await withTemplate(
    'max-steps: 7\nrun: {cost-budget: 0.5}\nsession: {time-budget-seconds: 60}\napprovals: {tools: [shell_exec]}',
  );
  expect(await of({})).toMatchObject({
    budget: { turns: 7, cost: 0.5 },
    sessionBudget: { ms: 60_000 },
    approvals: { tools: ['shell_exec'] },
  });
  expect(Object.keys((await of({})).budget ?? {})).toEqual(['turns', 'cost']);
  expect((await of({ template: 'minimal' })).budget).toBeUndefined();
});

test('a template that is gone fails the turn and says what to do', async () => {
  const { of } = await start();
  const { model } = await of(null, undefined, 'lost');
  expect(await endOf({ model })).toMatchObject({
    outcome: { kind: 'failed', code: 'not_found', message: expect.stringContaining('templates/lost.yaml') },
  });
});

test('a model is made once for the keys of its chain', async () => {
  const made: string[] = [];
  let key: string | undefined = 'one';
  const modelFor = createModelResolver({
    refsOf: (name) => [name, 'openai/x'],
    check: () => {},
    storedKey: async (provider) => (provider !== 'openai' || key === undefined ? undefined : new Secret(key)),
    create: async (name) => {
      made.push(`${name} ${key}`);
      return named(name);
    },
  });
  expect(await modelFor('gemini/a')).toBe(await modelFor('gemini/a'));
  await modelFor('gemini/b');
  key = 'two';
  await modelFor('gemini/a');
  key = undefined;
  await modelFor('gemini/a');
  expect(made).toEqual(['gemini/a one', 'gemini/b one', 'gemini/a two', 'gemini/a undefined']);
});

/** Models of a server that refuses all whose name is not accepted. */
const refusing = (accepted: () => readonly string[]) => {
  const check = (ref: string) => {
    if (!accepted().includes(ref)) throw new AppError('invalid_request', `${ref} is refused.`);
  };
  const modelFor = createModelResolver({
    refsOf: (name) => toModelChain(name, { fallbacks: ['openai/x'] }),
    check,
    storedKey: async () => undefined,
    create: async (name) => named(name),
  });
  return { check, modelFor };
};
const endOf = async ({ model }: { model: Model }) => (await Array.fromAsync(model.turn({} as never, never))).at(-1);
const refusalOf = (ref: string) => ({
  outcome: { kind: 'failed', message: expect.stringContaining(`${ref} is refused.`) },
});

test('a model that the server refuses runs neither for a session nor for a project, nor with a refused fall-back', async () => {
  let accepted = ['demo'];
  const { of } = await start(refusing(() => accepted).modelFor);
  expect(await endOf(await of(null, 'local/qwen3'))).toMatchObject(refusalOf('local/qwen3'));
  expect(await endOf(await of('p'))).toMatchObject(refusalOf('gemini/gemini-2.5-flash'));
  expect((await of('p', 'demo')).model.name).toBe('demo');
  accepted = ['local/qwen3'];
  expect(await endOf(await of(null, 'local/qwen3'))).toMatchObject(refusalOf('openai/x'));
  accepted.push('openai/x');
  expect((await of(null, 'local/qwen3')).model.name).toBe('local/qwen3');
  accepted = []; // counts from the next turn on
  expect(await endOf(await of(null, 'local/qwen3'))).toMatchObject(refusalOf('local/qwen3'));
});

test('a project cannot get a model that the server refuses', async () => {
  const { check, modelFor } = refusing(() => ['gemini/good']);
  const { agents } = await start(modelFor, check);
  await expect(agents.update('p', { provider: 'openai' })).rejects.toThrow('openai/gemini-2.5-flash is refused.');
  await expect(agents.update('p', { model: 'bad' })).rejects.toThrow('gemini/bad is refused.');
  expect(await agents.update('p', { model: 'good' })).toMatchObject({ provider: 'gemini', model: 'good' });
});

test('work for one key is done in turn, a failure does not stop it, and other keys do not wait', async () => {
  const turns = createKeyedQueue();
  const log: string[] = [];
  const gate = Promise.withResolvers<void>();
  const first = turns('a', async () => {
    await gate.promise;
    log.push('a1');
    throw new Error('a1 failed');
  });
  const second = turns('a', async () => void log.push('a2'));
  await turns('b', async () => void log.push('b'));
  gate.resolve();
  await expect(first).rejects.toThrow('a1 failed');
  await second;
  expect(log).toEqual(['b', 'a1', 'a2']);
});
