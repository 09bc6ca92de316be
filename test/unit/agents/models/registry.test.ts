import { expect, test } from 'vitest';
import { createModel, type ModelsConfig } from '../../../../src/agents/models/registry.ts';
import { Secret } from '../../../../src/core/text/secret.ts';
import { manualClock } from '../../../support/machines/manual-clock.ts';

const key = { apiKey: new Secret('k') };
const create = (ref: string, models: Partial<ModelsConfig> = {}) =>
  createModel(ref, {
    models: { gemini: {}, openai: {}, anthropic: {}, compatible: {}, fallbacks: [], catalog: {}, ...models },
    clock: manualClock(),
    newId: () => 'id',
    random: () => 0.5,
  });

const compatible = { local: { baseUrl: 'http://127.0.0.1:11434/v1' } };
test.each([
  ['demo', 'nothing', {}],
  ['gemini/gemini-2.5-flash', 'a key', { gemini: key }],
  ['openai/gpt-5-mini', 'a key', { openai: key }],
  ['anthropic/claude-sonnet-5-5', 'a key', { anthropic: key }],
  ['local/qwen3', 'an address and no key', { compatible }],
])('%s is itself, and needs %s', async (ref, _, models) => expect((await create(ref, models)).name).toBe(ref));

test.each([
  ['gemini/gemini-2.5-flash', 'GEMINI_API_KEY'],
  ['openai/gpt-5', 'OPENAI_API_KEY'],
  ['anthropic/claude-opus-5-5', 'ANTHROPIC_API_KEY'],
])('a missing key for %s is refused with the variable that takes it', (ref, variable) =>
  expect(create(ref)).rejects.toThrow(variable),
);

test('a fall-back without its key is refused too', async () => {
  const models = { gemini: key, fallbacks: ['openai/gpt-5-mini'] };
  await expect(create('gemini/gemini-2.5-flash', models)).rejects.toThrow('openai/gpt-5-mini needs a key');
});

test.each(['gpt/5', 'gemini', 'gemini/', '', 'other/x'])(
  'the model %j is refused with the providers there are',
  (ref) => expect(create(ref, { gemini: key })).rejects.toThrow(/invalid_request: .*demo or <provider>\/<model>/),
);

test('a known model has the published abilities, another the assumed ones, and the catalog overrides them', async () => {
  const { abilities } = await create('openai/gpt-5-mini', { openai: key });
  expect(abilities).toMatchObject({ window: 400_000, images: true, forcedTool: true });
  expect((await create('local/x', { compatible })).abilities).toMatchObject({ window: 32_768, images: false });
  const catalog = { 'local/x': { window: 8_192, images: true } };
  expect((await create('local/x', { compatible, catalog })).abilities).toMatchObject({ window: 8_192, images: true });
});

test.each([
  ['claude-sonnet-5-5', false],
  ['claude-opus-5-5-20260901', false],
  ['claude-fable-5', false],
  ['claude-opus-6', false],
  ['claude-haiku-5-5', true],
  ['claude-sonnet-4-5-20250929', true],
  ['claude-3-5-haiku-latest', true],
])('%s can be forced to call a tool: %s', async (model, forcedTool) =>
  expect((await create(`anthropic/${model}`, { anthropic: key })).abilities.forcedTool).toBe(forcedTool),
);
