import { expect, test } from 'vitest';
import { AppError } from '../../../../src/core/errors.ts';
import { keyedQueue } from '../../../../src/core/keyed-queue.ts';
import type { SessionRecord } from '../../../../src/core/records.ts';
import { Secret } from '../../../../src/core/secret.ts';
import { demoModel } from '../../../../src/llm/demo/demo.ts';
import type { Model } from '../../../../src/llm/model.ts';
import { agentConfigService } from '../../../../src/session/projects/agent-presets.ts';
import { agentProfiles } from '../../../../src/session/projects/agent-profile.ts';
import { agentTemplate, agentTemplates, functionsOf } from '../../../../src/session/projects/agent-templates.ts';
import { modelCache } from '../../../../src/session/projects/model-cache.ts';
import { memoryStore } from '../../../../src/store/memory/store.ts';
import { toolRegistry } from '../../../../src/tools/registry.ts';

const usual = { model: demoModel(), tools: toolRegistry(), plans: true };
const named = (name: string): Model => ({ ...demoModel(), name });
async function start(modelFor: (name: string) => Promise<Model> = async (name) => named(name)) {
  const agents = agentConfigService({
    records: memoryStore().records,
    newId: () => 'a',
    model: 'gemini/gemini-2.5-flash',
  });
  await agents.create('p');
  const profileOf = agentProfiles({ agents, usual, modelFor });
  return { agents, of: (projectId: string | null) => profileOf({ projectId } as SessionRecord) };
}

test('a session without a project works as configured', async () => {
  expect(await (await start()).of(null)).toBe(usual);
});

test("a project's session works with its model, prompt and tools, without a plan", async () => {
  const { agents, of } = await start();
  await agents.update('p', { tools: ['bash', 'search'], prompt: 'Be brief.', model: 'gemini-2.5-pro' });
  const { model, tools, plans, prompt } = await of('p');
  expect([model.name, plans, prompt]).toEqual(['gemini/gemini-2.5-pro', false, 'Be brief.']);
  expect(tools.declarations.map(({ name }) => name).sort()).toEqual(
    [
      'file_find_by_name',
      'file_find_in_content',
      'message_ask_user',
      'message_notify_user',
      'shell_exec',
      'shell_kill_process',
      'shell_view',
      'shell_wait',
      'shell_write_to_process',
    ].sort(),
  );
  expect(tools.find('file_write')).toBeUndefined();
});

test('a change counts from the next turn on, and a project that goes leaves the usual way', async () => {
  const { agents, of } = await start();
  await agents.update('p', { provider: 'demo', model: 'demo', prompt: null });
  const profile = await of('p');
  expect([profile.model.name, profile.plans, profile.prompt]).toEqual(['demo', true, undefined]);
  await agents.delete('p');
  expect(await of('p')).toBe(usual);
});

test('how the model chooses its words goes with the profile, and what no model is told of is refused', async () => {
  const { agents, of } = await start();
  expect((await of('p')).sampling).toBeUndefined();
  await agents.update('p', { options: { temperature: 0.5, max_tokens: 100 } });
  expect((await of('p')).sampling).toEqual({ temperature: 0.5, maxOutputTokens: 100 });
  await expect(agents.update('p', { options: { stream: true } })).rejects.toMatchObject({ code: 'invalid_request' });
});

test('a model that cannot be made fails the turn that asks for it, and nothing else', async () => {
  const { of } = await start(() => Promise.reject(new AppError('model_unauthorized', 'there is no key.')));
  const { model } = await of('p');
  const [end, ...rest] = await Array.fromAsync(model.turn({} as never, new AbortController().signal));
  expect(rest).toEqual([]);
  expect(end).toMatchObject({
    type: 'end',
    outcome: { kind: 'failed', code: 'model_unauthorized', message: 'gemini: there is no key.', retryable: false },
  });
});

test('an unknown provider is refused, and changes nothing', async () => {
  const { agents } = await start();
  const before = await agents.get('p');
  await expect(agents.update('p', { provider: 'nobody', tools: [] })).rejects.toMatchObject({
    code: 'invalid_request',
  });
  expect(await agents.get('p')).toEqual(before);
  await expect(agents.get('q')).rejects.toMatchObject({ code: 'not_found' });
});

test('each template says something of its own, and its tools are ones that there are', () => {
  expect(new Set(agentTemplates.map(({ prompt }) => prompt)).size).toBe(8);
  expect(agentTemplate('code_reviewer')?.tools).not.toContain('file_write');
  expect(agentTemplate('default')?.tools).toContain('browser');
  const known = new Set(toolRegistry().declarations.map(({ name }) => name));
  for (const { tools } of agentTemplates) {
    const names = functionsOf(tools.filter((tool) => tool !== 'browser'));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  }
});

test('a model is made once for each key', async () => {
  const made: (string | undefined)[] = [];
  let key: string | undefined = 'one';
  const modelFor = modelCache({
    keyFor: async () => (key === undefined ? undefined : new Secret(key)),
    create: (name, given) => {
      made.push(given?.reveal());
      return named(name);
    },
  });
  expect(await modelFor('gemini/a')).toBe(await modelFor('gemini/a'));
  await modelFor('gemini/b');
  key = 'two';
  await modelFor('gemini/a');
  key = undefined;
  await modelFor('gemini/a');
  expect(made).toEqual(['one', 'one', 'two', undefined]);
});

test('work for one key is done in turn, a failure does not stop it, and other keys do not wait', async () => {
  const turns = keyedQueue();
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
